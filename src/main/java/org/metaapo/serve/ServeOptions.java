package org.metaapo.serve;

import java.util.Map;

/**
 * How a model is served.
 *
 * @param host address that is listened on
 * @param port 0 for any
 * @param cors origin whose pages may ask, {@code *} for all; null for none
 * @param key that clients must send; null for none
 * @param threads that serve clients at once; a request holds one while it is answered
 * @param pages static pages by their path, such as {@code /}
 */
public record ServeOptions(String host, int port, String cors, String key, int threads, Map<String, Page> pages) {}
