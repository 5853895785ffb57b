package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.files.OneLine;
import org.metaapo.http.HttpSender;

/** A tracker's server: requests of JSON with its secret, and what its answers mean. The secret appears in no message. */
final class Service {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int MOST_BYTES = 32 << 20;
    private static final int SNIPPET_CHARS = 160;

    private final String base;
    private final String variable;
    private final String header;
    private final String value;
    private final String secret;
    private final HttpSender sender = new HttpSender(TIMEOUT, MOST_BYTES);

    /**
     * A server.
     *
     * @param base its address without a slash at the end
     * @param variable the environment variable that holds the address, for messages
     * @param header that carries the secret; null for none
     * @param value of the header
     * @param secret which is made unreadable in messages; null for none
     */
    Service(String base, String variable, String header, String value, String secret) {
        this.base = base;
        this.variable = variable;
        this.header = header;
        this.value = value;
        this.secret = secret;
    }

    /** An answer that is no 2xx, and will be none. */
    static final class StatusException extends Exception {
        private static final long serialVersionUID = 1;

        private final int status;
        private final transient JsonNode body;

        StatusException(int status, JsonNode body, String message) {
            super(message);
            this.status = status;
            this.body = body;
        }

        int status() {
            return status;
        }

        /** Field {@code error_code} of the body, or an empty text. */
        String code() {
            return body.path("error_code").asText("");
        }

        RefusedException refused() {
            return new RefusedException(getMessage());
        }
    }

    /**
     * An address from the environment.
     *
     * @throws UsageException if it is not there, or none of http and https
     */
    static String address(Map<String, String> environment, String variable, String tracker) {
        String text = environment.getOrDefault(variable, "").strip();
        if (text.isEmpty()) {
            throw new UsageException("tracker " + tracker + ": the environment variable " + variable
                    + " is not set; expected the server's address in it, such as http://localhost:5000");
        }
        URI uri;
        try {
            uri = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw new UsageException("tracker " + tracker + ": " + variable + " is no address; expected one such as http://localhost:5000", e);
        }
        if (uri.getScheme() == null || !uri.getScheme().matches("(?i)https?") || uri.getHost() == null) {
            throw new UsageException("tracker " + tracker + ": " + variable + " is " + (uri.getRawUserInfo() == null ? text : "no address of a server")
                    + "; expected the address of a server by http or https");
        }
        if (uri.getRawUserInfo() != null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
            throw new UsageException("tracker " + tracker + ": " + variable + " carries a name, a password, ? or #; expected the address alone, "
                    + "such as " + uri.getScheme() + "://" + uri.getHost() + ", and secrets in variables of their own");
        }
        return text.replaceAll("/+$", "");
    }

    /**
     * A secret from the environment, or null where it is not set.
     *
     * @throws UsageException if it cannot be sent
     */
    static String secret(Map<String, String> environment, String variable, String tracker) {
        String text = environment.getOrDefault(variable, "").strip();
        if (!text.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new UsageException("tracker " + tracker + ": " + variable + " holds a blank or a character beyond ASCII");
        }
        return text.isEmpty() ? null : text;
    }

    /** An address that stands for this server. */
    String base() {
        return base;
    }

    /** A value in a query. */
    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    JsonNode get(String path) throws IOException, InterruptedException, StatusException {
        return exchange(request(path).GET());
    }

    JsonNode post(String path, Object body) throws IOException, InterruptedException, StatusException {
        return exchange(request(path).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(Json.write(body))));
    }

    void put(String path, String content, String type) throws IOException, InterruptedException, StatusException {
        exchange(request(path).header("Content-Type", type).PUT(HttpRequest.BodyPublishers.ofString(content)));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path)).header("Accept", "application/json");
        return header == null ? request : request.header(header, value);
    }

    private JsonNode exchange(HttpRequest.Builder request) throws IOException, InterruptedException, StatusException {
        HttpResponse<byte[]> response;
        try {
            response = sender.send(request.build());
        } catch (TimeoutException e) {
            throw new BusyException(base + ": no response within " + TIMEOUT.toSeconds() + " s", 0);
        } catch (IOException e) {
            throw new BusyException(redacted(base + ": " + HttpSender.reason(e)), 0);
        }
        String text = new String(response.body(), StandardCharsets.UTF_8);
        int status = response.statusCode();
        if (status / 100 == 2) {
            return json(text);
        }
        String why = redacted(base + ": answered status " + status + (text.isBlank() ? "" : ": \"" + OneLine.of(text, SNIPPET_CHARS) + "\""));
        if (HttpSender.isPassing(status)) {
            throw new BusyException(why, HttpSender.retryAfter(response));
        }
        if (status == 401 || status == 403) {
            why += "; is the secret of the tracker right?";
        } else if (status / 100 == 3) {
            why += "; redirects are not followed: give the final address in " + variable;
        } else if (status == 404) {
            why += "; is " + variable + " the address of such a server?";
        }
        throw new StatusException(status, json(text), why);
    }

    private static JsonNode json(String text) {
        try {
            return text.isBlank() ? MissingNode.getInstance() : Json.parse(text, "a response");
        } catch (DataException e) {
            return MissingNode.getInstance();
        }
    }

    private String redacted(String text) {
        return secret == null ? text : text.replace(secret, "***");
    }
}
