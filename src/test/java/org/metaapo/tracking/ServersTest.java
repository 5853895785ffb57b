package org.metaapo.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/** Trackers of servers against one of this process that behaves as MLflow 3.17 and Trackio 0.43 do, or badly. */
@Timeout(20)
class ServersTest {
    @TempDir
    Path temp;

    private HttpServer server;
    /** What goes wrong with the next requests, one each: a status, "cut" or "429". */
    private final Queue<String> troubles = new ConcurrentLinkedQueue<>();
    private final Map<String, String> headers = new HashMap<>();
    private final List<JsonNode> metrics = new ArrayList<>();
    private final List<JsonNode> params = new ArrayList<>();
    private final List<String> states = new ArrayList<>();
    private final Map<String, JsonNode> logs = new HashMap<>();
    private int runs;
    private boolean hasExperiment;

    @BeforeEach
    void open() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }

    @AfterEach
    void close() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String query = String.valueOf(exchange.getRequestURI().getQuery());
        byte[] body = exchange.getRequestBody().readAllBytes();
        for (String name : List.of("Authorization", "X-Trackio-Write-Token")) {
            headers.put(name, String.valueOf(exchange.getRequestHeaders().getFirst(name)));
        }
        String trouble = troubles.poll();
        if (trouble != null) {
            if (trouble.equals("cut")) {
                exchange.sendResponseHeaders(200, 1000);
                exchange.getResponseBody().write('{');
                exchange.getResponseBody().flush();
            } else {
                if (trouble.equals("429")) {
                    exchange.getResponseHeaders().set("Retry-After", "1");
                }
                send(exchange, Integer.parseInt(trouble), "{\"error\": \"no s3cret here\"}");
            }
            exchange.close();
            return;
        }
        synchronized (this) {
            JsonNode json = Json.parse(body.length == 0 ? "{}" : new String(body, StandardCharsets.UTF_8), "a body");
            String response = respond(path.replaceFirst(".*/", path.contains("/mlflow/") ? path.split("/")[4] + "/" : ""), query, json);
            send(exchange, status, response);
        }
    }

    private int status;

    private String respond(String call, String query, JsonNode body) {
        status = 200;
        ObjectNode out = Json.mapper().createObjectNode();
        switch (call) {
            case "experiments/get-by-name" -> {
                if (!hasExperiment) {
                    status = 404;
                    return "{\"error_code\":\"RESOURCE_DOES_NOT_EXIST\"}";
                }
                out.putObject("experiment").put("experiment_id", "7");
            }
            case "experiments/create" -> {
                hasExperiment = true;
                out.put("experiment_id", "7");
            }
            case "runs/create" -> out.putObject("run").putObject("info").put("run_id", "r" + ++runs).put("artifact_uri", "s3://elsewhere");
            case "runs/get" -> {
                ObjectNode run = out.putObject("run");
                run.putObject("info").put("run_id", "r" + runs).put("artifact_uri", "s3://elsewhere").put("lifecycle_stage", "active");
                ArrayNode latest = run.putObject("data").putArray("metrics");
                Map<String, JsonNode> last = new HashMap<>();
                metrics.forEach(metric -> last.merge(
                        metric.path("key").asText(), metric, (a, b) -> a.path("step").asLong() > b.path("step").asLong() ? a : b));
                last.values().forEach(latest::add);
            }
            case "metrics/get-history" -> {
                ArrayNode history = out.putArray("metrics");
                metrics.stream().filter(metric -> query.contains("metric_key=" + metric.path("key").asText() + "&")).forEach(history::add);
            }
            case "runs/log-batch" -> {
                assertThat(body.path("metrics").size()).isLessThanOrEqualTo(1000);
                assertThat(body.path("params").size()).isLessThanOrEqualTo(100);
                body.path("metrics").forEach(metrics::add);
                body.path("params").forEach(params::add);
            }
            case "runs/update" -> states.add(body.path("status").asText());
            case "bulk_log" -> body.path("logs").forEach(log -> logs.putIfAbsent(log.path("log_id").asText(), log));
            default -> status = 404;
        }
        return Json.write(out);
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private Map<String, String> environment(String... more) {
        Map<String, String> all = new HashMap<>(Map.of(
                "MLFLOW_TRACKING_URI", "http://localhost:" + server.getAddress().getPort() + "/",
                "TRACKIO_SERVER_URL", "http://localhost:" + server.getAddress().getPort(), "TRACKIO_WRITE_TOKEN", "s3cret"));
        for (int i = 0; i < more.length; i += 2) {
            all.put(more[i], more[i + 1]);
        }
        return all;
    }

    private Trackers open(String name, boolean isExport, String... more) {
        return Trackers.open(RunConfig.trackers(List.of(name)), new Trackers.Places(temp.resolve("tensorboard"), temp.resolve("trackers")),
                environment(more), isExport);
    }

    private static RunInfo run(long batch) {
        return new RunInfo("first", Path.of("first"), Map.of("recipe", "dpo", "train.batch", batch));
    }

    /** A life of a run: steps from {@code from} to {@code to}, with an evaluation at each fourth after its checkpoint. */
    private void live(String name, long resumedAt, long to, Tracker.Status status) throws Exception {
        Tracker tracker = open(name, false).all().get(0).maker().get();
        tracker.start(run(8), resumedAt);
        for (long step = resumedAt < 0 ? 1 : resumedAt; step <= to; step++) {
            if (step > resumedAt) {
                tracker.log(step, step, Map.of("train/loss", step + 0.5, "train/metaapo/nan", Double.NaN));
            }
            if (step % 4 == 0) {
                tracker.log(step, step, Map.of("eval/loss", step + 0.25));
            }
        }
        tracker.flush();
        if (status != null) {
            tracker.end(status);
        }
    }

    private Stream<Long> steps(String key) {
        return metrics.stream().filter(metric -> metric.path("key").asText().equals(key)).map(metric -> metric.path("step").asLong());
    }

    @Test
    void mlflowHasEachStepOnceAcrossKillsAndResumes() throws Exception {
        live("mlflow", -1, 7, null);
        live("mlflow", 4, 9, Tracker.Status.STOPPED);
        live("mlflow", 8, 12, Tracker.Status.FINISHED);
        assertThat(runs).isOne();
        assertThat(steps("train/loss")).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L);
        assertThat(steps("eval/loss")).containsExactly(4L, 8L, 12L);
        assertThat(steps("train/metaapo/nan")).isEmpty();
        assertThat(metrics.get(0).path("timestamp").asLong()).isEqualTo(1000);
        assertThat(states).containsExactly("RUNNING", "KILLED", "RUNNING", "FINISHED");
        assertThat(params).hasSize(2);
        // The same run that begins anew is the same one; with another configuration it is another.
        live("mlflow", -1, 12, null);
        assertThat(steps("train/loss")).hasSize(12);
        open("mlflow", false).all().get(0).maker().get().start(run(16), -1);
        assertThat(runs).isEqualTo(2);
    }

    @Test
    void anExportFillsWhatMlflowLacks() throws Exception {
        live("mlflow", -1, 12, null);
        metrics.removeIf(metric -> metric.path("step").asLong() == 5);
        Tracker tracker = open("mlflow", true).all().get(0).maker().get();
        tracker.start(run(16), -1);
        for (long step = 1; step <= 12; step++) {
            tracker.log(step, step, Map.of("train/loss", step + 0.5));
        }
        tracker.flush();
        assertThat(runs).isOne();
        assertThat(steps("train/loss").sorted()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L);
    }

    @Test
    void trackioTakesEachLineOnce() throws Exception {
        live("trackio", -1, 7, null);
        live("trackio", 4, 9, Tracker.Status.STOPPED);
        live("trackio", -1, 12, Tracker.Status.FINISHED);
        assertThat(logs.values().stream().filter(log -> log.path("metrics").has("train/loss")).map(log -> log.path("step").asLong()).sorted())
                .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L);
        assertThat(logs.values().stream().filter(log -> log.path("metrics").has("eval/loss"))).hasSize(3);
        assertThat(logs.values().stream().map(log -> log.path("run_id").asText()).distinct()).hasSize(1);
        assertThat(logs.values().stream().filter(log -> log.has("config"))).hasSize(1);
        assertThat(headers.get("X-Trackio-Write-Token")).isEqualTo("s3cret");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mlflow", "trackio"})
    void whatPassesIsTriedAgainAndNothingIsLost(String name) throws InterruptedException {
        troubles.addAll(name.equals("mlflow") ? List.of("503", "cut", "429") : List.of("500", "429"));
        Queue<String> notes = new ConcurrentLinkedQueue<>();
        Trackers.Opened one = open(name, false, "MLFLOW_TRACKING_TOKEN", "s3cret").all().get(0);
        TrackerThread thread = new TrackerThread(name, one.maker(), null, run(8), -1, null, notes);
        for (long step = 1; step <= 2500; step++) {
            thread.offer(new TrackedLine(step, step, Map.of("train/loss", 0.5), null));
        }
        thread.wantFlush();
        TimeUnit.MILLISECONDS.sleep(200);
        thread.end(Tracker.Status.FINISHED, System.nanoTime() + TimeUnit.SECONDS.toNanos(12));
        thread.await();
        assertThat(name.equals("mlflow") ? metrics.size() : logs.size()).isEqualTo(2500);
        assertThat(notes).singleElement().asString().contains("it is tried again").doesNotContain("s3cret");
    }

    @ParameterizedTest
    @CsvSource({"mlflow, 401, is the secret of the tracker right?", "trackio, 400, answered status 400", "mlflow, 404, is MLFLOW_TRACKING_URI the address",
        "mlflow, 302, redirects are not followed"})
    void aRefusalIsSaidOnceAndEndsIt(String name, String status, String words) throws InterruptedException {
        for (int i = 0; i < 9; i++) {
            troubles.add(status);
        }
        Queue<String> notes = new ConcurrentLinkedQueue<>();
        Trackers.Opened one = open(name, false, "MLFLOW_TRACKING_TOKEN", "s3cret").all().get(0);
        TrackerThread thread = new TrackerThread(name, one.maker(), null, run(8), -1, null, notes);
        thread.offer(new TrackedLine(1, 1, Map.of("train/loss", 0.5), null));
        thread.end(Tracker.Status.FINISHED, System.nanoTime() + TimeUnit.SECONDS.toNanos(10));
        thread.await();
        assertThat(notes).hasSize(2).allSatisfy(note -> assertThat(note).contains(words).doesNotContain("s3cret"));
        assertThat(troubles).hasSizeGreaterThan(6);
    }

    @Test
    void anExportThatIsRefusedEndsWithALine() {
        troubles.add("403");
        try (Trackers trackers = open("mlflow", true)) {
            assertThatThrownBy(() -> Export.run(trackers, run(8), new RunLog(temp.resolve("none"), 0, (epoch, slice) -> null), null))
                    .isInstanceOf(RunFailedException.class).hasMessageContaining("tracker mlflow: http://localhost").hasMessageContaining("status 403");
        }
    }

    @Test
    void secretsAreSentAsMlflowsClientDoes() throws Exception {
        open("mlflow", false, "MLFLOW_TRACKING_TOKEN", "abc").all().get(0).maker().get().start(run(8), -1);
        assertThat(headers.get("Authorization")).isEqualTo("Bearer abc");
        open("mlflow", false, "MLFLOW_TRACKING_USERNAME", "me", "MLFLOW_TRACKING_PASSWORD", "pässword").all().get(0).maker().get().start(run(8), -1);
        assertThat(headers.get("Authorization")).isEqualTo("Basic bWU6cMOkc3N3b3Jk");
        open("mlflow", false).all().get(0).maker().get().start(run(8), -1);
        assertThat(headers.get("Authorization")).isEqualTo("null");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "mlflow | MLFLOW_TRACKING_URI | '' | MLFLOW_TRACKING_URI is not set", "mlflow | MLFLOW_TRACKING_URI | sqlite:///a.db | expected the address of a server",
        "mlflow | MLFLOW_TRACKING_URI | http://me:pw@host | carries a name", "mlflow | MLFLOW_TRACKING_URI | my server | is no address",
        "mlflow | MLFLOW_TRACKING_USERNAME | me | MLFLOW_TRACKING_PASSWORD is not; expected both or none",
        "trackio | TRACKIO_WRITE_TOKEN | '' | TRACKIO_WRITE_TOKEN is not set", "trackio | TRACKIO_WRITE_TOKEN | a b | holds a blank",
        "trackio | TRACKIO_SERVER_URL | ftp://h | expected the address of a server"})
    void wrongEnvironmentsAreRefused(String name, String variable, String value, String words) {
        assertThatThrownBy(() -> open(name, false, variable, value)).isInstanceOf(UsageException.class)
                .hasMessageStartingWith("tracker " + name + ": ").hasMessageContaining(words)
                .hasMessageNotContaining("pw");
    }

    @Test
    void twoWaysToSignInAreRefused() {
        assertThatThrownBy(() -> open("mlflow", false, "MLFLOW_TRACKING_TOKEN", "t", "MLFLOW_TRACKING_USERNAME", "u", "MLFLOW_TRACKING_PASSWORD", "p"))
                .isInstanceOf(UsageException.class).hasMessageContaining("expected one way to sign in");
    }
}
