package org.metaapo.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.metaapo.files.OneLine;

/** Sends one request at a time, with limits of time and size. Redirects are not followed, for a secret is not theirs. */
public final class HttpSender {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private static final int SHOWN_CHARS = 160;

    private final Duration timeout;
    private final int mostBytes;
    private final HttpClient client;

    /**
     * A sender.
     *
     * @param timeout of one request with its whole response
     * @param mostBytes of a response's body
     */
    public HttpSender(Duration timeout, int mostBytes) {
        this.timeout = timeout;
        this.mostBytes = mostBytes;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(timeout.compareTo(CONNECT_TIMEOUT) < 0 ? timeout : CONNECT_TIMEOUT)
                .build();
    }

    /**
     * Sends a request and waits for its response, whatever its status.
     *
     * @throws LimitedBody.TooLargeException if the body is larger than allowed
     * @throws TimeoutException if the response is not there in time
     */
    public HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException, TimeoutException {
        // The client's own timeout ends with the headers; this one includes the body.
        CompletableFuture<HttpResponse<byte[]>> response = client.sendAsync(request, LimitedBody.handler(mostBytes));
        try {
            return response.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            throw new IOException(e.getCause());
        } finally {
            response.cancel(true);
        }
    }

    /** Whether another try may succeed after this status. */
    public static boolean isPassing(int status) {
        return status == 408 || status == 429 || status >= 500;
    }

    /** Milliseconds that a response asks to wait before another try; 0 if it does not say so in a way that can be read. */
    public static long retryAfter(HttpResponse<?> response) {
        return response.headers().firstValue("Retry-After").map(HttpSender::retryAfter).orElse(0L);
    }

    /** Milliseconds that a Retry-After header asks for, in seconds or as a date; 0 if it cannot be read. */
    public static long retryAfter(String value) {
        try {
            return value.strip().matches("[0-9]{1,9}")
                    ? 1000 * Long.parseLong(value.strip())
                    : Math.max(0, Duration.between(
                            Instant.now(), ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant()).toMillis());
        } catch (DateTimeParseException e) {
            return 0;
        }
    }

    /** What went wrong with a connection, in words. */
    public static String reason(IOException failure) {
        if (failure instanceof ConnectException) {
            return "cannot be reached" + (failure.getMessage() == null ? "" : " (" + failure.getMessage() + ")") + "; is it running?";
        }
        return "the connection failed: " + (failure.getMessage() == null ? failure.getClass().getSimpleName() : OneLine.of(failure.getMessage(), SHOWN_CHARS));
    }
}
