package org.metaapo.inspect;

/**
 * The shortest run of tokens that decodes to whole characters; mostly one token.
 *
 * @param text what it adds to the text
 * @param ids its token ids
 * @param special whether it is one special token
 * @param masked whether the model reads it in an answer without being trained on it
 */
record Piece(String text, int[] ids, boolean special, boolean masked) {}
