package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** One exchange with a client, whose reads and writes are bounded in size and time. */
final class Call {
    static final int MOST_BODY = 16 << 20;
    private static final long BODY_MILLIS = 60_000;
    private static final long WRITE_MILLIS = 10_000;
    private static final long DRAIN_MILLIS = 5_000;
    private static final int BUFFER = 1 << 16;
    private static final int MOST_DRAINED = 8 * MOST_BODY;

    private final HttpExchange exchange;
    private final Watchdog watchdog;
    private boolean begun;

    Call(HttpExchange exchange, Watchdog watchdog) {
        this.exchange = exchange;
        this.watchdog = watchdog;
    }

    String method() {
        return exchange.getRequestMethod();
    }

    /** As it was sent, without query. */
    String path() {
        String path = exchange.getRequestURI().getRawPath();
        return path == null ? "" : path;
    }

    /** A header, or null. */
    String header(String name) {
        return exchange.getRequestHeaders().getFirst(name);
    }

    /** Sets a header of the answer. */
    void set(String name, String value) {
        exchange.getResponseHeaders().set(name, value);
    }

    /** Whether the answer has begun, so that its status is told. */
    boolean hasBegun() {
        return begun;
    }

    /** The object of the body. */
    Fields fields() throws IOException {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body())).toString();
        } catch (CharacterCodingException e) {
            throw ApiException.invalid(null, "the body is no UTF-8");
        }
        JsonNode node;
        try {
            node = Json.parse(text, "the body");
        } catch (DataException e) {
            throw ApiException.invalid(null, e.getMessage());
        }
        if (!node.isObject()) {
            throw ApiException.invalid(null, "the body is " + Json.describe(node) + "; expected an object");
        }
        return new Fields(node);
    }

    private byte[] body() throws IOException {
        String length = header("Content-Length");
        InputStream in = exchange.getRequestBody();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        boolean large = length != null && length.length() <= 18 && Long.parseLong(length) > MOST_BODY;
        try (Watchdog.Guard guard = watchdog.limit(BODY_MILLIS)) {
            byte[] buffer = new byte[BUFFER];
            for (int n = large ? -1 : in.read(buffer); n >= 0 && !large; n = large ? -1 : in.read(buffer)) {
                body.write(buffer, 0, n);
                large = body.size() > MOST_BODY;
            }
        }
        if (large) {
            drain(in);
            throw new ApiException(413, "invalid_request_error", null, "request_too_large", "the body has more than " + MOST_BODY + " bytes");
        }
        return body.toByteArray();
    }

    /** A client that is still sending does not see the answer otherwise. */
    private void drain(InputStream in) {
        try (Watchdog.Guard guard = watchdog.limit(DRAIN_MILLIS)) {
            byte[] buffer = new byte[BUFFER];
            long left = MOST_DRAINED;
            for (int n = in.read(buffer); n >= 0 && left > 0; n = in.read(buffer)) {
                left -= n;
            }
        } catch (IOException e) {
            // Then it does not see it.
        }
    }

    void send(int status, JsonNode body) throws IOException {
        send(status, "application/json", Json.write(body).getBytes(StandardCharsets.UTF_8));
    }

    void send(int status, String contentType, byte[] body) throws IOException {
        begun = true;
        set("Content-Type", contentType);
        try (Watchdog.Guard guard = watchdog.limit(WRITE_MILLIS + body.length / BUFFER * 100L)) {
            exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
            if (body.length > 0) {
                exchange.getResponseBody().write(body);
                exchange.getResponseBody().flush();
            }
        }
    }

    /** Sends the status and headers of an answer whose length is not known. */
    void begin(String contentType) throws IOException {
        begun = true;
        set("Content-Type", contentType);
        try (Watchdog.Guard guard = watchdog.limit(WRITE_MILLIS)) {
            exchange.sendResponseHeaders(200, 0);
        }
    }

    /** A part of an answer that has begun, at once. */
    void write(String text) throws IOException {
        OutputStream out = exchange.getResponseBody();
        try (Watchdog.Guard guard = watchdog.limit(WRITE_MILLIS)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    /** An event of a stream. */
    void event(ObjectNode data) throws IOException {
        write("data: " + Json.write(data) + "\n\n");
    }

    /** The end of an answer that has begun. */
    void end() throws IOException {
        try (Watchdog.Guard guard = watchdog.limit(WRITE_MILLIS)) {
            exchange.getResponseBody().close();
        }
    }

    /** Says why the request is not served, or, where the answer has begun, that it is not whole. */
    void fail(ApiException e, boolean stream) throws IOException {
        if (!begun) {
            send(e.status(), e.body());
        } else if (stream) {
            event(e.body());
            end();
        } else {
            write(Json.write(e.body()));
            end();
        }
    }
}
