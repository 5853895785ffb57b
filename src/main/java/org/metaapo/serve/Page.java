package org.metaapo.serve;

/**
 * A static page beside the interface, such as a chat at {@code /}. It needs no key, and so holds no secret.
 *
 * @param contentType such as {@code text/html; charset=utf-8}
 * @param body as it is sent
 */
public record Page(String contentType, byte[] body) {}
