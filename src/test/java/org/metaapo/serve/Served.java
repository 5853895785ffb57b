package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.jobs.Policy;

/** The small model of the fixtures behind a server of its own, and clients of it. */
final class Served implements AutoCloseable {
    static final String USER = "{\"role\": \"user\", \"content\": \"How does a bicycle stay upright?\"}";

    final Policy policy = Policy.open(Fixtures.path("tiny-llama"));
    final ApiServer api;
    private final Engine engine = Engine.open(DeviceSpec.CPU, 1);
    private final ModelServer server;
    private final HttpClient client = HttpClient.newHttpClient();

    /** What a client got. */
    record Reply(int status, Map<String, List<String>> headers, String body) {
        JsonNode json() {
            return Json.parse(body, "reply");
        }

        String header(String name) {
            return headers.getOrDefault(name, List.of("")).get(0);
        }

        /** The data of a stream's events, without the last, which says that it is done. */
        List<JsonNode> events() {
            List<JsonNode> events = new ArrayList<>();
            String[] all = body.split("\n\n");
            for (int i = 0; i < all.length - 1; i++) {
                if (!all[i].startsWith(":")) {
                    events.add(Json.parse(all[i].substring("data: ".length()), "event"));
                }
            }
            if (!all[all.length - 1].equals("data: [DONE]")) {
                throw new AssertionError("the stream ends with " + all[all.length - 1]);
            }
            return events;
        }
    }

    Served(int sequences, int queue, String cors, String key) {
        api = new ApiServer(new ServeOptions("127.0.0.1", 0, cors, key, sequences + queue + 32,
                Map.of("/", new Page("text/html; charset=utf-8", "<p>hello</p>".getBytes(StandardCharsets.UTF_8)))));
        server = new ModelServer(api, policy, engine, Dtype.F32, "tiny", new ServeRoom(sequences, 8000, queue, 16, 1), Map.of(), note -> { });
    }

    int port() {
        return api.port();
    }

    ModelServer server() {
        return server;
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path)).timeout(Duration.ofSeconds(60));
    }

    Reply send(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        return new Reply(response.statusCode(), response.headers().map(), response.body());
    }

    Reply get(String path) throws IOException, InterruptedException {
        return send(request(path).build());
    }

    Reply post(String path, String body) throws IOException, InterruptedException {
        return send(request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    /** A chat with more fields. */
    Reply chat(String fields) throws IOException, InterruptedException {
        return post("/v1/chat/completions", chatBody(fields));
    }

    static String chatBody(String fields) {
        return "{\"model\": \"tiny\", \"messages\": [" + USER + "]" + (fields.isEmpty() ? "" : ", " + fields) + "}";
    }

    Reply complete(String fields) throws IOException, InterruptedException {
        return post("/v1/completions", "{\"model\": \"tiny\", " + fields + "}");
    }

    /** Sends bytes as they are and reads up to {@code most} bytes of what comes. */
    static String raw(int port, String bytes, int most) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
            InputStream in = socket.getInputStream();
            return new String(in.readNBytes(most), StandardCharsets.UTF_8);
        }
    }

    double metric(String name) throws IOException, InterruptedException {
        return get("/metrics").body().lines().filter(line -> line.startsWith("metaapo:" + name + "{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
    }

    @Override
    public void close() {
        server.close();
        engine.close();
        policy.close();
    }
}
