package org.metaapo.reward;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Pattern;
import org.metaapo.error.UsageException;

/** Checks addresses of services. An address is written into config.yaml and messages, so it must hold no secret. */
final class ServiceAddress {
    private static final Pattern SECRET = Pattern.compile("(?i)(^|&)[^=&]*(key|token|secret|sig|password|auth|credential)[^=&]*=");

    private ServiceAddress() {}

    /**
     * An http or https address.
     *
     * @param names for messages
     */
    static URI parse(Settings names, String text) {
        String key = names.address();
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            // The text may hold a password: it is not repeated.
            throw new UsageException(key + " is not an address; expected http://host:port/path or https://…");
        }
        if (uri.getRawUserInfo() != null || uri.getRawAuthority() != null && uri.getRawAuthority().contains("@")
                || uri.getRawQuery() != null && SECRET.matcher(uri.getRawQuery()).find()) {
            throw new UsageException(key + " holds a user name, a password or a key, and would be written into files; put the secret into an "
                    + "environment variable and name that in " + names.token());
        }
        boolean http = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
        if (!http || uri.getHost() == null || uri.getRawFragment() != null || uri.getPort() > 65535) {
            throw new UsageException(key + " is \"" + text + "\"; expected http://host:port/path or https://…");
        }
        return uri;
    }
}
