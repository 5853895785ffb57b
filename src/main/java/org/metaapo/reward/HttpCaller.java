package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Json;
import org.metaapo.files.OneLine;
import org.metaapo.files.StrictText;
import org.metaapo.http.HttpSender;
import org.metaapo.http.LimitedBody;

/**
 * Posts JSON and reads JSON, with limits of time and size. Status 408, 429 and 5xx, broken connections and timeouts are tried again;
 * Retry-After is honoured. Redirects are not followed, for the token is not theirs. The token appears in no message.
 */
final class HttpCaller {
    /** Largest request and response. */
    static final int MOST_BYTES = 32 << 20;

    private static final long LONGEST_RETRY_AFTER_MILLIS = 120_000;
    private static final int SNIPPET_CHARS = 160;

    private final String name;
    private final URI uri;
    private final BearerToken token;
    private final Duration timeout;
    private final int retries;
    private final Settings names;
    private final HttpSender sender;

    /**
     * A caller of one address.
     *
     * @param name of the service, for messages
     * @param timeout of one request with its response
     * @param retries further tries after the first
     * @param names of the settings, for messages
     */
    HttpCaller(String name, URI uri, BearerToken token, Duration timeout, int retries, Settings names) {
        this.name = name;
        this.uri = uri;
        this.token = token;
        this.timeout = timeout;
        this.retries = retries;
        this.names = names;
        this.sender = new HttpSender(timeout, MOST_BYTES);
    }

    /** A try that failed: why, whether another may succeed, and how long the server asks to wait. */
    private record Failure(String why, boolean passing, long waitMillis) {}

    /**
     * Posts a request.
     *
     * @param reader makes the result of the response; its {@link DataException} says what is wrong with it
     * @throws RunFailedException if no try succeeded
     * @throws DataException if the response is too large, no JSON, or refused by the reader
     */
    <T> T post(String body, CallLog log, Function<JsonNode, T> reader) throws InterruptedException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MOST_BYTES) {
            throw new DataException(name + ": a request of " + bytes.length + " bytes; expected at most " + MOST_BYTES + "; " + names.shorter());
        }
        try {
            return read(exchange(bytes, log), log, reader);
        } catch (DataException e) {
            throw new DataException(token.redact(e.getMessage()));
        } catch (RunFailedException e) {
            throw new RunFailedException(token.redact(e.getMessage()));
        }
    }

    private <T> T read(byte[] response, CallLog log, Function<JsonNode, T> reader) {
        try {
            String text = StrictText.decode(response, 0, response.length, name, 1);
            if (text.stripLeading().startsWith("<")) {
                throw new DataException(name + ": answered HTML or XML: \"" + OneLine.of(text, SNIPPET_CHARS) + "\"; expected JSON");
            }
            return reader.apply(Json.parse(text, name));
        } catch (DataException e) {
            log.failed();
            throw e;
        }
    }

    private byte[] exchange(byte[] body, CallLog log) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            log.sent();
            Failure failure;
            try {
                HttpResponse<byte[]> response = send(body);
                if (response.statusCode() / 100 == 2) {
                    return response.body();
                }
                failure = refused(response);
            } catch (TimeoutException e) {
                failure = new Failure("no response within " + seconds(timeout, names), true, 0);
            } catch (LimitedBody.TooLargeException e) {
                log.failed();
                throw new DataException(name + ": answered " + e.getMessage() + "; expected at most that");
            } catch (IOException e) {
                failure = new Failure(HttpSender.reason(e), true, 0);
            }
            log.failed();
            String why = token.redact(name + ": " + failure.why());
            if (!failure.passing()) {
                throw new RunFailedException(why);
            }
            if (!log.waitBeforeRetry(attempt, failure.waitMillis(), why, retries)) {
                throw new RunFailedException(why + " (tried " + (attempt == 1 ? "once" : attempt + " times") + ")");
            }
        }
    }

    private HttpResponse<byte[]> send(byte[] body) throws IOException, InterruptedException, TimeoutException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        if (token.header() != null) {
            request.header("Authorization", token.header());
        }
        return sender.send(request.build());
    }

    private Failure refused(HttpResponse<byte[]> response) {
        int status = response.statusCode();
        String text = OneLine.of(new String(response.body(), StandardCharsets.UTF_8), SNIPPET_CHARS);
        String why = "answered status " + status + (text.isEmpty() ? "" : ": \"" + text + "\"");
        if (status == 401 || status == 403) {
            why += token.variable() == null ? "; does it need a token (" + names.token() + ")?" : "; is the token in " + token.variable() + " right?";
        } else if (status / 100 == 3) {
            why += "; redirects are not followed, give the final address";
        } else if (status == 413) {
            why += "; " + names.shorter();
        }
        boolean passing = HttpSender.isPassing(status);
        long wait = HttpSender.retryAfter(response);
        if (wait > LONGEST_RETRY_AFTER_MILLIS) {
            return new Failure(why + "; asks to come back in " + wait / 1000 + " s", false, 0);
        }
        return new Failure(why, passing, wait);
    }

    static String seconds(Duration time, Settings names) {
        double seconds = time.toMillis() / 1000.0;
        return (seconds == Math.rint(seconds) ? Long.toString((long) seconds) : Double.toString(seconds)) + " s (" + names.timeout() + ")";
    }
}
