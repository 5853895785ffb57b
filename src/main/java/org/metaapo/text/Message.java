package org.metaapo.text;

/**
 * A turn of a conversation.
 *
 * @param role such as "system", "user", "assistant"
 * @param content text
 */
public record Message(String role, String content) {}
