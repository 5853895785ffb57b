package org.metaapo.inspect;

/**
 * The shortest run of tokens that decodes to whole characters; mostly one token.
 *
 * @param text what it adds to the text
 * @param ids its token ids
 * @param special whether it is one special token
 */
record Piece(String text, int[] ids, boolean special) {}
