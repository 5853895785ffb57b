package org.metaapo.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** The server by plain sockets: who may read what, and what its stream tells. */
class WatchServerTest {
    private static final int TIMEOUT = 30_000;

    @TempDir
    Path temp;

    private Path run;
    private WatchServer server;
    private final List<Stream> streams = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        run = Files.createDirectories(temp.resolve("runs/first/samples")).getParent();
        Files.copy(Fixtures.path("watch/1-running.jsonl"), metrics());
        Files.writeString(run.resolve("config.yaml"), "recipe: metaapo\nobjective: {beta: 0.1}\n");
        Files.writeString(run.resolve("samples/epoch-000-slice-0000.jsonl"), "{\"row\":4,\"prompt\":\"Hello there\",\"weight\":0.25,\"uniform\":0.5,\"sampled\":true}\n");
        server = WatchServer.start(List.of(temp.resolve("runs")), "127.0.0.1", 0);
    }

    @AfterEach
    void stop() {
        for (Stream stream : streams) {
            stream.connection.disconnect();
        }
        server.close();
    }

    private Path metrics() {
        return run.resolve("metrics.jsonl");
    }

    private record Reply(int status, String head, String body) {
        JsonNode json() {
            return Json.parse(body, "reply");
        }
    }

    private Reply ask(String request) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.setSoTimeout(TIMEOUT);
            socket.getOutputStream().write((request + "Connection: close\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
            String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int body = all.indexOf("\r\n\r\n");
            return new Reply(Integer.parseInt(all.split(" ")[1]), all.substring(0, body), all.substring(body + 4));
        }
    }

    private Reply get(String path) throws IOException {
        return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n");
    }

    private record Told(String id, String type, JsonNode data) {}

    /** A page that listens. */
    private final class Stream {
        private final HttpURLConnection connection;
        private final BufferedReader in;

        Stream(String last) throws IOException {
            connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + server.port() + "/events").toURL().openConnection();
            connection.setReadTimeout(TIMEOUT);
            if (last != null) {
                connection.setRequestProperty("Last-Event-ID", last);
            }
            in = new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8));
            streams.add(this);
        }

        Told next() throws IOException {
            String id = null;
            String type = null;
            while (true) {
                String line = in.readLine();
                if (line.startsWith("id: ")) {
                    id = line.substring(4);
                } else if (line.startsWith("event: ")) {
                    type = line.substring(7);
                } else if (line.startsWith("data: ")) {
                    return new Told(id, type, Json.parse(line.substring(6), "event"));
                }
            }
        }

        Told next(String type, Predicate<JsonNode> which) throws IOException {
            while (true) {
                Told told = next();
                if (told.type().equals(type) && which.test(told.data())) {
                    return told;
                }
            }
        }
    }

    private Stream stream(String last) throws IOException {
        return new Stream(last);
    }

    /** A stream that has heard that all of the run is read, and the id by which it goes on. */
    private String caughtUp(Stream stream) throws Exception {
        long size = Files.readString(metrics()).lastIndexOf('\n') + 1;
        return stream.next("reset", data -> data.path("to").asLong() == size).id();
    }

    private void awaitRead() throws Exception {
        while (get("/runs/0").json().at("/view/steps").asInt() < 12 || get("/runs/0").json().path("slices").isEmpty()) {
            Thread.sleep(20);
        }
    }

    @Test
    void aForeignNameIsRefusedAndEachOfThisMachineIsNot() throws IOException {
        for (String host : List.of("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2", "[::2]", "", "localhost:80:80")) {
            Reply reply = ask("GET / HTTP/1.1\r\nHost: " + host + "\r\n");
            assertThat(reply.status()).as(host).isEqualTo(403);
            assertThat(reply.body()).doesNotContain("first");
        }
        assertThat(ask("GET /events HTTP/1.1\r\nHost: evil.example\r\n").status()).isEqualTo(403);
        for (String host : List.of("localhost", "LOCALHOST:1234", "127.0.0.1:" + server.port(), "[::1]:9")) {
            assertThat(ask("GET /runs HTTP/1.1\r\nHost: " + host + "\r\n").status()).as(host).isEqualTo(200);
        }
    }

    @Test
    void onlyGetAndOnlyItsOwnPaths() throws Exception {
        awaitRead();
        for (String method : List.of("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE")) {
            assertThat(ask(method + " /runs HTTP/1.1\r\nHost: localhost\r\n").status()).as(method).isEqualTo(405);
        }
        for (String path : List.of("/runs/", "/runs/1", "/runs/-1", "/runs/0/", "/runs/00000000", "/runsx", "/page/", "/page/report.htm", "/page/../page/report.css", "/index.html",
                "/runs/0/config.yaml", "/runs/0/../../etc/passwd", "/page/%2e%2e/%2e%2e/etc/passwd", "/runs/0/slices/../../config.yaml", "/runs/0/slices/0.1", "/runs/0/slices/0.0/rows/1",
                "/runs/0/slices/0.0/rows/-1", "/runs/0/slices/0.0/rows/99999999999", "/runs/0/slices/epoch-000-slice-0000", "/runs/first", "/favicon.ico")) {
            Reply reply = get(path);
            assertThat(reply.status()).as(path).isEqualTo(404);
            assertThat(reply.body()).doesNotContain("recipe", "root:");
        }
        assertThat(get("/runs/0/slices/0.0/rows/0").json().path("prompt").asText()).isEqualTo("Hello there");
        assertThat(get("/runs/0/slices/0.0/find?text=hello+THERE").body()).isEqualTo("[0]");
        assertThat(get("/runs/0/slices/0.0/find?text=%zz").status()).isEqualTo(400);
        assertThat(get("/runs/0/slices/0.0/prompts?rows=0,1,0").body()).isEqualTo("[\"Hello there\",null,\"Hello there\"]");
        assertThat(get("/runs/0/slices/0.0/prompts?rows=x").body()).isEqualTo("[]");
    }

    @Test
    void thePageHasNoScriptOrStyleInsideAndForbidsThem() throws IOException {
        Reply page = get("/");
        assertThat(page.head()).containsIgnoringCase("content-security-policy: default-src 'self'").containsIgnoringCase("nosniff");
        assertThat(page.body()).doesNotContain("<style", "http://", "https://").doesNotContainPattern("<script>|<script [^>]*>[^<]|style=|onclick=");
        for (String part : page.body().split("\"")) {
            if (part.startsWith("/page/")) {
                assertThat(get(part).status()).as(part).isEqualTo(200);
            }
        }
        assertThat(get("/page/worker.js").body()).contains("EventSource");
    }

    @Test
    void theStreamTellsOfLinesAndOfARestartAndGoesOnWhereAPageWas() throws Exception {
        awaitRead();
        Stream first = stream(null);
        assertThat(first.next("runs", data -> true).data().at("/runs/0/name").asText()).isEqualTo("first");
        String id = caughtUp(first);
        Files.writeString(metrics(), "\n{\"step\":14,\"loss\":0.5}\n", StandardOpenOption.APPEND);
        Told lines = first.next("lines", data -> true);
        assertThat(lines.data().path("lines").get(lines.data().path("lines").size() - 1).path("step").asInt()).isEqualTo(14);
        assertThat(lines.id()).isNotEqualTo(id).matches("0:[0-9a-z]+:[0-9]+");

        // A page that comes back is told what it has missed, and nothing twice.
        Stream again = stream(id);
        Told missed = again.next("lines", data -> true);
        assertThat(missed.data()).isEqualTo(lines.data());
        Stream current = stream(lines.id());
        Files.writeString(metrics(), "{\"step\":15,\"loss\":0.5}\n", StandardOpenOption.APPEND);
        Told next = current.next("lines", data -> true);
        assertThat(next.data().at("/lines/0/step").asInt()).isEqualTo(15);
        assertThat(next.data().path("from").asLong()).isEqualTo(lines.data().path("to").asLong());

        // A resume cuts the file back.
        Files.write(metrics(), Files.readAllBytes(Fixtures.path("watch/2-resumed.jsonl")));
        Told reset = first.next("reset", data -> true);
        assertThat(reset.data().path("generation")).isNotEqualTo(lines.data().path("generation"));
        assertThat(get("/runs/0").json().at("/view/steps").asInt()).isEqualTo(15);
        // An id of before it, of another server or of nobody leads to a fresh fetch.
        for (String old : List.of(lines.id(), "0:zzz:5", "rubbish", "0:1:2,".repeat(5000))) {
            assertThat(stream(old).next("reset", data -> true).data().path("to").asLong()).isEqualTo(Files.size(metrics()));
        }
    }

    @Test
    void newRunsAndNewSlicesAreFound() throws Exception {
        Stream stream = stream(null);
        Files.createDirectories(temp.resolve("runs/second"));
        Files.writeString(temp.resolve("runs/second/metrics.jsonl"), "{\"kind\":\"start\",\"recipe\":\"sft\"}\n");
        assertThat(stream.next("runs", data -> data.path("runs").size() == 2).data().at("/runs/1/name").asText()).isEqualTo("second");
        stream.next("state", data -> data.path("run").asInt() == 1);
        assertThat(get("/runs/1").json().at("/view/start/recipe").asText()).isEqualTo("sft");
        Files.writeString(run.resolve("samples/epoch-000-slice-0001.jsonl"), "{\"row\":4,\"prompt\":\"Again\",\"weight\":0.5,\"uniform\":0.1,\"sampled\":false}\n");
        assertThat(stream.next("slices", data -> true).data().at("/slices/0/rows").asInt()).isEqualTo(1);
    }

    @Test
    void aFolderThatVanishesLeavesWhatWasRead() throws Exception {
        awaitRead();
        Stream stream = stream(null);
        Files.move(run, temp.resolve("elsewhere"));
        assertThat(stream.next("state", data -> data.at("/state/word").asText().equals("gone"))).isNotNull();
        assertThat(get("/runs/0").json().at("/view/steps").asInt()).isEqualTo(12);
        assertThat(get("/runs/0/slices/0.0/rows/0").status()).isEqualTo(404);
        Files.move(temp.resolve("elsewhere"), run);
        assertThat(stream.next("state", data -> !data.at("/state/word").asText().equals("gone"))).isNotNull();
    }

    @Test
    void aPageThatReadsNothingHoldsNobodyUp() throws Exception {
        awaitRead();
        try (Socket idle = new Socket("127.0.0.1", server.port())) {
            idle.getOutputStream().write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            tellMuch();
        }
    }

    private void tellMuch() throws Exception {
        Stream other = stream(null);
        caughtUp(other);
        String line = "{\"step\":14,\"x\":\"" + "y".repeat(900_000) + "\"}\n";
        Files.writeString(metrics(), "\n", StandardOpenOption.APPEND);
        for (int i = 0; i < 6; i++) {
            Files.writeString(metrics(), line, StandardOpenOption.APPEND);
        }
        long size = Files.size(metrics());
        other.next("lines", data -> data.path("to").asLong() == size);
        assertThat(get("/runs/0").json().path("to").asLong()).isEqualTo(size);
    }

    @Test
    void anotherAddressNeedsTheToken() throws IOException {
        server.close();
        server = WatchServer.start(List.of(run), "0.0.0.0", 0);
        String token = server.address().replaceFirst(".*token=", "");
        assertThat(token).matches("[0-9a-f]{36}");
        assertThat(get("/").status()).isEqualTo(401);
        assertThat(get("/runs/0").status()).isEqualTo(401);
        assertThat(get("/events").status()).isEqualTo(401);
        assertThat(get("/?token=" + token.replace(token.charAt(0), 'x')).status()).isEqualTo(401);
        assertThat(get("/runs/0?token=" + token).status()).as("only the page takes it").isEqualTo(401);
        Reply reply = get("/?token=" + token);
        assertThat(reply.status()).isEqualTo(303);
        assertThat(reply.head()).containsIgnoringCase("Location: /").contains("HttpOnly", "SameSite=Strict");
        String cookie = "metaapo_watch_" + server.port() + "=" + token;
        assertThat(reply.head()).contains(cookie);
        assertThat(ask("GET /runs HTTP/1.1\r\nHost: any.name\r\nCookie: a=b; " + cookie + "\r\n").status()).isEqualTo(200);
        assertThat(ask("GET /runs HTTP/1.1\r\nHost: any.name\r\nCookie: " + cookie + "0\r\n").status()).isEqualTo(401);
    }

    @Test
    void aBusyPortAndAWrongHostAreTold() {
        assertThatThrownBy(() -> WatchServer.start(List.of(run), "127.0.0.1", server.port()))
                .isInstanceOf(RunFailedException.class).hasMessageContaining("--port").hasMessageContaining(Integer.toString(server.port()));
        assertThatThrownBy(() -> WatchServer.start(List.of(run), "no.such.host.invalid", 0)).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> WatchServer.start(List.of(run), "127.0.0.1", 70_000)).isInstanceOf(UsageException.class);
    }
}
