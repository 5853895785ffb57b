package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.metaapo.files.Json;

/** A reward service and judge in this process, which misbehaves as it is told. */
public final class FakeService implements AutoCloseable {
    /** Replies to a request; {@code number} counts requests from 0. */
    @FunctionalInterface
    public interface Behaviour {
        void reply(HttpExchange exchange, String body, int number) throws IOException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "fake service");
        thread.setDaemon(true);
        return thread;
    });
    /** Bodies of requests, in order. */
    public final List<String> bodies = Collections.synchronizedList(new ArrayList<>());
    /** Authorization headers of requests. */
    public final List<String> authorizations = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger requests = new AtomicInteger();
    private volatile Behaviour behaviour;

    public FakeService(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            bodies.add(body);
            authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            this.behaviour.reply(exchange, body, requests.getAndIncrement());
        });
        server.start();
    }

    public void behave(Behaviour other) {
        behaviour = other;
    }

    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/score";
    }

    public int requests() {
        return requests.get();
    }

    /** Answers that were asked for, with their prompts, over all requests. */
    public List<String> asked() {
        List<String> asked = new ArrayList<>();
        for (String body : List.copyOf(bodies)) {
            for (JsonNode item : Json.parse(body, "request").path("items")) {
                item.path("answers").forEach(answer -> asked.add(item.path("messages") + "\n" + answer.asText()));
            }
        }
        return asked;
    }

    public static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    /** A reward that depends on the whole answer. */
    public static double reward(String answer) {
        return (answer.hashCode() % 1000) / 100.0;
    }

    /** The right reply to a request, its items in reverse order. */
    public static String scores(String body) {
        ObjectNode reply = Json.mapper().createObjectNode();
        ArrayNode items = reply.putArray("items");
        for (JsonNode item : Json.parse(body, "request").path("items")) {
            ObjectNode one = items.insertObject(0).put("id", item.path("id").asText());
            ArrayNode scores = one.putArray("scores");
            item.path("answers").forEach(answer -> scores.add(reward(answer.asText())));
        }
        reply.putObject("usage").put("prompt_tokens", 10).put("completion_tokens", 1);
        return Json.write(reply);
    }

    /** Scores as {@link #reward} does. */
    public static void well(HttpExchange exchange, String body, int number) throws IOException {
        send(exchange, 200, scores(body));
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
