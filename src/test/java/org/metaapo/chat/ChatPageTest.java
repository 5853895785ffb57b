package org.metaapo.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.files.Fixtures;
import org.metaapo.jobs.Policy;
import org.metaapo.serve.ApiServer;
import org.metaapo.serve.ModelServer;
import org.metaapo.serve.Page;
import org.metaapo.serve.ServeOptions;
import org.metaapo.serve.ServeRoom;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.watch.Browser;

/** A chat in a browser, and the server of two models beneath it. */
class ChatPageTest {
    @TempDir
    Path temp;

    private final Engine first = Engine.open(DeviceSpec.CPU, 1);
    private final Engine second = Engine.open(DeviceSpec.CPU, 1);
    private final Policy one = Policy.open(Fixtures.path("tiny-llama"));
    private final Policy other = Policy.open(Fixtures.path("tiny-qwen2"));
    private ModelServer server;
    private String address;

    @BeforeEach
    void serve() {
        ChatSettings settings = new ChatSettings();
        settings.set("temperature", "temperature", "0");
        settings.set("max_new_tokens", "max_new_tokens", "900");
        Conversation begun = new Conversation(List.of(new Message("user", "<img src=x> 漢字"), new Message("assistant", "<b>bold</b>")));
        Map<String, Page> pages = new LinkedHashMap<>();
        ChatPage.parts(settings, null, List.of(begun, begun), List.of(true, true)).forEach((path, part) -> pages.put(path, new Page(part.type(), part.bytes())));
        ApiServer api = new ApiServer(new ServeOptions("127.0.0.1", 0, null, null, 32, pages));
        server = new ModelServer(
                api, List.of(new ModelServer.Source("one", one, first), new ModelServer.Source("other", other, second)), Dtype.F32,
                policy -> new ServeRoom(1, 1000, 8, 16, 1), Map.of(), note -> { });
        address = "http://127.0.0.1:" + api.port() + "/";
    }

    @AfterEach
    void close() {
        server.close();
        one.close();
        other.close();
        first.close();
        second.close();
    }

    private String post(String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + path)).POST(HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        return response.statusCode() + " " + response.body();
    }

    @Test
    void twoModelsAnswerByTheirNames() throws Exception {
        String body = "{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}], \"max_tokens\": 4}";
        assertThat(post("v1/chat/completions", String.format(body, "one"))).startsWith("200 ").contains("\"model\":\"one\"");
        assertThat(post("v1/chat/completions", String.format(body, "other"))).startsWith("200 ").contains("\"model\":\"other\"");
        assertThat(post("v1/chat/completions", String.format(body, "third"))).startsWith("404 ")
                .contains("the model \\\"third\\\" is not served here; there is \\\"one\\\" and \\\"other\\\"");
        assertThat(post("v1/completions", "{\"prompt\": \"x\"}")).startsWith("400 ").contains("expected \\\"one\\\" or \\\"other\\\"");
        assertThat(post("tokenize", "{\"model\": \"other\", \"prompt\": \"hello\"}")).isNotEqualTo(post("tokenize", "{\"prompt\": \"hello\"}"));
    }

    @Test
    void thePageTalksStopsAndKeepsToItsWidth() throws Exception {
        assumeTrue(Files.isExecutable(Browser.CHROMIUM), "no Chromium at " + Browser.CHROMIUM);
        try (Browser browser = new Browser(temp.resolve("profile"))) {
            Browser.Tab tab = browser.open(address, 1280, 800, false);
            tab.await("document.getElementById('send') && !document.getElementById('send').disabled");
            assertThat(tab.value("document.querySelectorAll('#talk img, #talk b').length").asInt()).as("texts stay texts").isZero();
            assertThat(tab.value("document.querySelector('.user').textContent").asText()).isEqualTo("<img src=x> 漢字");
            say(tab, "hello");
            tab.await("document.querySelectorAll('.turn').length === 2 && document.querySelector('.turn:last-child .said:not(.user)').textContent");
            tab.press("Escape");
            tab.await("document.getElementById('stop').disabled");
            assertThat(tab.value("[...document.querySelectorAll('.turn:last-child footer')].map(f => f.textContent).join()").asText()).contains("stopped");
            tab.value("document.getElementById('max_new_tokens').value = 5");
            tab.value("document.getElementById('again').click()");
            tab.await("document.getElementById('stop').disabled && document.querySelectorAll('.over').length === 4");
            assertThat(tab.value("document.querySelector('.turn:last-child footer').textContent").asText()).matches("5 tokens · .* · context [0-9]+ of 1000 · cut, .*");
            for (int width : new int[] {1280, 400}) {
                for (boolean dark : new boolean[] {false, true}) {
                    tab.size(width, 800);
                    tab.scheme(dark);
                    tab.value("new Promise(done => setTimeout(done, 50))");
                    assertThat(tab.value("document.documentElement.scrollWidth - innerWidth").asInt()).as(width + " no sideways scroll").isLessThanOrEqualTo(0);
                }
            }
            tab.value("document.getElementById('undo').click()");
            assertThat(tab.value("document.querySelectorAll('.turn').length + document.getElementById('message').value").asText()).isEqualTo("1hello");
            assertThat(tab.value("document.activeElement.id").asText()).isEqualTo("message");
            assertThat(tab.errors).isEmpty();
            tab.close();
        }
    }

    private static void say(Browser.Tab tab, String text) {
        tab.value("document.getElementById('message').focus()");
        for (char c : text.toCharArray()) {
            tab.press(String.valueOf(c));
        }
        tab.press("Enter");
    }
}
