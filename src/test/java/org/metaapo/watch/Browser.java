package org.metaapo.watch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.metaapo.files.Json;

/** A headless Chromium, driven by its debugging protocol. */
public final class Browser implements AutoCloseable {
    /** Where Debian has it. */
    public static final Path CHROMIUM = Path.of("/usr/bin/chromium");

    private static final long SECONDS = 20;

    private final HttpClient client = HttpClient.newHttpClient();
    private final Process process;
    private final int port;

    /** Starts one with a profile of its own. */
    public Browser(Path profile) throws IOException, InterruptedException {
        Files.createDirectories(profile);
        process = new ProcessBuilder(CHROMIUM.toString(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
                "--hide-scrollbars", "--mute-audio", "--user-data-dir=" + profile, "--remote-debugging-port=0", "about:blank")
                .redirectErrorStream(true).redirectOutput(profile.resolve("log").toFile()).start();
        Path ports = profile.resolve("DevToolsActivePort");
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!Files.exists(ports) || Files.size(ports) == 0) {
            if (System.nanoTime() > until || !process.isAlive()) {
                throw new IOException("Chromium did not start: " + Files.readString(profile.resolve("log")));
            }
            Thread.sleep(20);
        }
        port = Integer.parseInt(Files.readAllLines(ports).get(0));
    }

    /** Opens a tab of a size, in a scheme of colours, at an address. */
    public Tab open(String address, int width, int height, boolean dark) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/new?about:blank"))
                .PUT(HttpRequest.BodyPublishers.noBody()).build();
        JsonNode made = Json.parse(client.send(request, HttpResponse.BodyHandlers.ofString()).body(), "tab");
        Tab tab = new Tab(client, URI.create(made.path("webSocketDebuggerUrl").asText()));
        tab.call("Page.enable");
        tab.call("Runtime.enable");
        tab.call("Log.enable");
        tab.size(width, height);
        tab.scheme(dark);
        tab.go(address);
        return tab;
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroy);
        process.destroy();
        try {
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A tab. */
    public static final class Tab implements WebSocket.Listener {
        private final WebSocket socket;
        private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
        private final StringBuilder text = new StringBuilder();
        private int last;
        /** What its console and its scripts complained of. */
        public final List<String> errors = new CopyOnWriteArrayList<>();

        private Tab(HttpClient client, URI address) {
            socket = client.newWebSocketBuilder().buildAsync(address, this).join();
        }

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean isLast) {
            text.append(data);
            if (isLast) {
                JsonNode message = Json.parse(text.toString(), "browser");
                text.setLength(0);
                hear(message);
            }
            from.request(1);
            return null;
        }

        private void hear(JsonNode message) {
            String method = message.path("method").asText();
            JsonNode told = message.path("params");
            if (message.has("id")) {
                waiting.remove(message.path("id").asInt()).complete(message);
            } else if (method.equals("Runtime.exceptionThrown")) {
                errors.add(told.path("exceptionDetails").toString());
            } else if (method.equals("Runtime.consoleAPICalled") && List.of("error", "warning", "assert").contains(told.path("type").asText())) {
                errors.add(told.path("args").toString());
            } else if (method.equals("Log.entryAdded") && List.of("error", "warning").contains(told.path("entry").path("level").asText())) {
                errors.add(told.path("entry").toString());
            }
        }

        /** Calls a method of the protocol; arguments are names and values by turns. */
        JsonNode call(String method, Object... arguments) {
            ObjectNode message = Json.mapper().createObjectNode().put("id", ++last).put("method", method);
            ObjectNode given = message.putObject("params");
            for (int i = 0; i < arguments.length; i += 2) {
                given.putPOJO((String) arguments[i], arguments[i + 1]);
            }
            CompletableFuture<JsonNode> answer = new CompletableFuture<>();
            waiting.put(last, answer);
            socket.sendText(Json.write(message), true);
            JsonNode result = answer.orTimeout(SECONDS, TimeUnit.SECONDS).join();
            if (result.has("error")) {
                throw new IllegalStateException(method + ": " + result.path("error"));
            }
            return result.path("result");
        }

        public void size(int width, int height) {
            call("Emulation.setDeviceMetricsOverride", "width", width, "height", height, "deviceScaleFactor", 1, "mobile", false);
        }

        public void scheme(boolean dark) {
            call("Emulation.setEmulatedMedia", "features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light")));
        }

        public void go(String address) {
            call("Page.navigate", "url", address);
        }

        /** Value of an expression, of what it promises too. */
        public JsonNode value(String expression) {
            JsonNode result = call("Runtime.evaluate", "expression", expression, "awaitPromise", true, "returnByValue", true);
            if (result.has("exceptionDetails")) {
                throw new IllegalStateException(expression + ": " + result.path("exceptionDetails"));
            }
            return result.path("result").path("value");
        }

        /** Waits until an expression is true; one that throws, as before the page's scripts have run, is not. */
        public void await(String expression) throws InterruptedException {
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
            while (!value("(() => { try { return Boolean(" + expression + "); } catch (e) { return false; } })()").asBoolean()) {
                if (System.nanoTime() > until) {
                    throw new AssertionError("never true: " + expression + "; " + errors);
                }
                Thread.sleep(25);
            }
        }

        /** Presses a key. */
        public void press(String key) {
            for (String type : List.of("keyDown", "keyUp")) {
                if (key.length() == 1 && type.equals("keyDown")) {
                    call("Input.dispatchKeyEvent", "type", type, "key", key, "text", key);
                } else {
                    call("Input.dispatchKeyEvent", "type", type, "key", key, "code", key, "windowsVirtualKeyCode", key.equals("Enter") ? 13 : 27,
                            "text", key.equals("Enter") ? "\r" : "");
                }
            }
        }

        /** A picture of the whole page, or of an element of it. */
        public void shoot(Path file, String selector) throws IOException {
            JsonNode box = value("(() => { const b = " + (selector == null ? "document.documentElement" : "document.querySelector(" + Json.write(selector) + ")")
                    + ".getBoundingClientRect(); return { x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height, scale: 1 }; })()");
            JsonNode shot = call("Page.captureScreenshot", "format", "png", "captureBeyondViewport", true, "clip", box);
            Files.write(file, Base64.getDecoder().decode(shot.path("data").asText()));
        }

        public void close() {
            socket.abort();
        }
    }
}
