package org.metaapo.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that come together, leave in the middle, do not read, or send what is none: the others are served, and nothing is left behind. */
@Timeout(120)
class ManyClientsTest {
    private static final String LONG = "\"max_tokens\": 900, \"ignore_eos\": true, \"stream\": true";

    private static String post(String body) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body;
    }

    private static void assertIdle(Served served) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (served.metric("num_requests_running") + served.metric("num_requests_waiting") + served.metric("kv_cache_usage_perc") > 0) {
            assertThat(System.nanoTime()).as("still busy").isLessThan(end);
            Thread.sleep(50);
        }
    }

    @Test
    void whoLeavesFreesHisPlaceAndOneMoreThanMayWaitIsToldSo() throws Exception {
        try (Served served = new Served(1, 1, null, null)) {
            List<Socket> open = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Socket socket = new Socket("127.0.0.1", served.port());
                socket.getOutputStream().write(post(Served.chatBody(LONG)).getBytes(StandardCharsets.UTF_8));
                assertThat(new String(socket.getInputStream().readNBytes(12), StandardCharsets.UTF_8)).isEqualTo("HTTP/1.1 200");
                open.add(socket);
            }
            Served.Reply full = served.chat("");
            assertThat(full.status()).isEqualTo(429);
            assertThat(full.header("retry-after")).isEqualTo("1");
            assertThat(full.json().path("error").path("code").textValue()).isEqualTo("queue_full");
            for (Socket socket : open) {
                socket.close();
            }
            assertIdle(served);
            assertThat(served.metric("generation_tokens_total")).isLessThan(1800);
            assertThat(served.chat("\"max_tokens\": 2").status()).isEqualTo(200);
        }
    }

    @Test
    void nothingIsLeftOfManyRequests() throws Exception {
        try (Served served = new Served(8, 200, null, null)) {
            served.chat("\"max_tokens\": 2");
            assertIdle(served);
            ExecutorService clients = Executors.newFixedThreadPool(16);
            List<Future<Integer>> all = new ArrayList<>();
            for (int i = 0; i < 120; i++) {
                int number = i;
                all.add(clients.submit(() -> one(served, number)));
            }
            int answered = 0;
            for (Future<Integer> each : all) {
                answered += each.get(100, TimeUnit.SECONDS);
            }
            assertThat(answered).isEqualTo(40);
            clients.shutdown();
            assertIdle(served);
            assertThat(served.chat("\"max_tokens\": 2").status()).isEqualTo(200);
            long threads = Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().equals("generation") || t.getName().equals("watchdog")).count();
            assertThat(threads).isGreaterThanOrEqualTo(2);
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().equals("client"))) {
            assertThat(System.nanoTime()).as("threads of clients are left").isLessThan(end);
            Thread.sleep(50);
        }
    }

    /** Returns 1 for a request that was answered as it should be. */
    private static int one(Served served, int number) throws Exception {
        String seed = "\"seed\": " + number + ", \"max_tokens\": 6";
        switch (number % 6) {
            case 0 -> {
                return served.chat(seed).status() == 200 ? 1 : 0;
            }
            case 1 -> {
                return served.chat(seed + ", \"stream\": true").events().size() > 1 ? 1 : 0;
            }
            case 2 -> leave(served, post(Served.chatBody("\"n\": 3, " + LONG)), 200);
            case 3 -> leave(served, post(Served.chatBody(LONG)).replace("Content-Length: ", "Content-Length: 9"), 0);
            case 4 -> assertThat(served.post("/v1/chat/completions", "{\"model\": " + number).status()).isEqualTo(400);
            default -> leave(served, "GET /v1/models HTTP/1.1\r\nHost: loc", 0);
        }
        return 0;
    }

    private static void leave(Served served, String bytes, int read) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", served.port())) {
            socket.getOutputStream().write(bytes.getBytes(StandardCharsets.UTF_8));
            socket.getInputStream().readNBytes(read);
        }
    }

    @Test
    void aServerThatStopsRefusesAndFinishesWhatItHasBegun() throws Exception {
        try (Served served = new Served(2, 4, null, null)) {
            CompletableFuture<Served.Reply> running = CompletableFuture.supplyAsync(() -> {
                try {
                    return served.chat(LONG);
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            while (served.metric("num_requests_running") == 0) {
                Thread.sleep(5);
            }
            CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(served.server()::drain);
            Served.Reply refused = served.chat("");
            while (refused.status() == 200) {
                refused = served.chat("\"max_tokens\": 1");
            }
            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.json().path("error").path("code").textValue()).isEqualTo("stopping");
            assertThat(running.get(60, TimeUnit.SECONDS).events()).isNotEmpty();
            assertThat(drained.get(60, TimeUnit.SECONDS)).isTrue();
        }
    }
}
