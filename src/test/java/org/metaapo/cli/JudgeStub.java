package org.metaapo.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.metaapo.files.Json;
import org.metaapo.reward.FakeService;

/** A judge behind an address that misbehaves with some requests, and counts the good replies to each. */
final class JudgeStub implements AutoCloseable {
    /** What the first tries of some requests get in place of a reply. */
    enum Fault {
        NONE,
        TOO_MANY,
        BROKEN,
        SLOW,
        CUT,
        HTML,
        NAN
    }

    private final FakeService service;
    private final BiFunction<String, Integer, Fault> fault;
    private final BiFunction<JsonNode, String, ObjectNode> reply;
    private final Map<String, AtomicInteger> tries = new ConcurrentHashMap<>();
    /** Good replies to each prompt. */
    final Map<String, AtomicInteger> paid = new ConcurrentHashMap<>();

    /**
     * A stub.
     *
     * @param fault of a prompt's try, counted from 0
     * @param reply the choice to a request and its prompt
     */
    JudgeStub(BiFunction<String, Integer, Fault> fault, BiFunction<JsonNode, String, ObjectNode> reply) throws IOException {
        this.fault = fault;
        this.reply = reply;
        this.service = new FakeService(this::answer);
    }

    String url() {
        return service.url().replace("/score", "/v1");
    }

    int requests() {
        return service.requests();
    }

    FakeService service() {
        return service;
    }

    private void answer(HttpExchange exchange, String body, int number) throws IOException {
        JsonNode request = Json.parse(body, "request");
        String prompt = request.path("messages").toString();
        int attempt = tries.computeIfAbsent(prompt, absent -> new AtomicInteger()).getAndIncrement();
        ObjectNode whole = Json.mapper().createObjectNode();
        whole.putArray("choices").add(reply.apply(request, prompt));
        whole.putObject("usage").put("prompt_tokens", 100).put("completion_tokens", 1);
        String text = Json.write(whole);
        switch (fault.apply(prompt, attempt)) {
            case TOO_MANY -> FakeService.send(exchange, 429, "slowly");
            case BROKEN -> FakeService.send(exchange, 500, "oops");
            case CUT -> {
                exchange.sendResponseHeaders(200, text.getBytes(StandardCharsets.UTF_8).length);
                exchange.getResponseBody().write(text.getBytes(StandardCharsets.UTF_8), 0, 20);
                exchange.getResponseBody().flush();
                exchange.close();
            }
            case HTML -> FakeService.send(exchange, 200, "<html>Gateway</html>");
            case NAN -> FakeService.send(exchange, 200, text.replaceFirst("\"logprob\":-[0-9.E-]+", "\"logprob\":NaN").replaceFirst("\"content\":\"", "\"content\":NaN,\"was\":\""));
            case SLOW -> {
                pause();
                good(exchange, prompt, text);
            }
            case NONE -> good(exchange, prompt, text);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(300);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void good(HttpExchange exchange, String prompt, String text) throws IOException {
        paid.computeIfAbsent(prompt, absent -> new AtomicInteger()).incrementAndGet();
        FakeService.send(exchange, 200, text);
    }

    /** A choice with a text. */
    static ObjectNode text(String text) {
        ObjectNode choice = Json.mapper().createObjectNode().put("index", 0).put("finish_reason", "stop");
        choice.putObject("message").put("role", "assistant").put("content", text);
        return choice;
    }

    /** A choice with log-probs of its first token. */
    static ObjectNode labels(Map<String, Double> logProbs) {
        ObjectNode choice = text(logProbs.keySet().iterator().next());
        ObjectNode first = choice.putObject("logprobs").putArray("content").addObject().put("token", "m").put("logprob", -0.5);
        logProbs.forEach((token, value) -> first.withArray("top_logprobs").addObject().put("token", token).put("logprob", value));
        return choice;
    }

    @Override
    public void close() {
        service.close();
    }
}
