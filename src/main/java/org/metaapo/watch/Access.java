package org.metaapo.watch;

import com.sun.net.httpserver.HttpExchange;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Who may read. Bound to the machine itself: whoever names it as such, for a page of a foreign name that leads here would else read along
 * (DNS rebinding). Bound to another address: whoever has the token.
 */
final class Access {
    private static final Set<String> LOCAL = Set.of("localhost", "127.0.0.1", "[::1]");
    private static final int TOKEN_BYTES = 18;

    private final String token;
    private final String cookie;

    private Access(String token, String cookie) {
        this.token = token;
        this.cookie = cookie;
    }

    /** Of a server at an address. */
    static Access of(InetAddress address, int port) {
        if (address.isLoopbackAddress()) {
            return new Access(null, null);
        }
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        return new Access(HexFormat.of().formatHex(random), "metaapo_watch_" + port);
    }

    /** The token; null where none is needed. */
    String token() {
        return token;
    }

    /** Whether a request names this machine, or another where that does not matter; the port may be any, as through a tunnel. */
    boolean isHostAllowed(HttpExchange exchange) {
        if (token != null) {
            return true;
        }
        List<String> hosts = exchange.getRequestHeaders().get("Host");
        return hosts != null && hosts.size() == 1 && LOCAL.contains(hosts.get(0).toLowerCase(Locale.ROOT).replaceFirst(":[0-9]{1,5}$", ""));
    }

    /** Whether a text is the token. */
    boolean isToken(String text) {
        return MessageDigest.isEqual(text.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether a request has the token's cookie, or none is needed. */
    boolean isKnown(HttpExchange exchange) {
        if (token == null) {
            return true;
        }
        for (String header : exchange.getRequestHeaders().getOrDefault("Cookie", List.of())) {
            for (String part : header.split(";")) {
                if (part.trim().startsWith(cookie + "=") && isToken(part.trim().substring(cookie.length() + 1))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The header that gives a browser the cookie. */
    String setCookie() {
        return cookie + "=" + token + "; HttpOnly; SameSite=Strict; Path=/";
    }
}
