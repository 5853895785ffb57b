package org.metaapo.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is not served is refused with OpenAI's error object, before anything is computed. */
class RefusalsTest {
    private static Served served;

    @BeforeAll
    static void open() {
        served = new Served(2, 4, "http://pages.example", "a key");
    }

    @AfterAll
    static void close() {
        served.close();
    }

    private static Served.Reply post(String path, String body) throws Exception {
        return served.send(served.request(path).header("Authorization", "Bearer a key").POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    private static void assertRefused(Served.Reply reply, int status, String words) {
        assertThat(reply.status()).as(reply.body()).isEqualTo(status);
        JsonNode error = reply.json().path("error");
        assertThat(error.path("message").textValue()).contains(words).doesNotContain("Exception", "\n");
        assertThat(error.path("type").isTextual()).isTrue();
        assertThat(error.has("param") && error.has("code")).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "\"temperature\": -1 | temperature is number -1",
        "\"temperature\": \"x\" | temperature is text",
        "\"stream\": true, \"temperature\": -1 | temperature",
        "\"top_p\": 2 | top_p",
        "\"top_p\": 0 | more than 0",
        "\"top_k\": 1.5 | top_k",
        "\"n\": 0 | n is number 0",
        "\"n\": 1e30 | n is number",
        "\"max_tokens\": -1 | max_tokens",
        "\"max_tokens\": 0 | max_tokens",
        "\"messages\": [] | messages is a list of 0",
        "\"messages\": \"x\" | messages is text",
        "\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}] | messages[0].role",
        "\"messages\": [{\"role\": \"user\"}] | messages[0].content",
        "\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": \"data:,\"}}]}] | image_url",
        "\"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"}] | lone surrogate",
        "\"model\": null | model is null",
        "\"model\": 3 | model is number 3",
        "\"logprobs\": true, \"top_logprobs\": 99 | top_logprobs",
        "\"top_logprobs\": 2 | needs logprobs",
        "\"stop\": 7 | stop is number",
        "\"stop\": [\"\"] | stop",
        "\"logit_bias\": {\"99999999\": 1} | logit_bias",
        "\"logit_bias\": {\"1\": 101} | from -100 to 100",
        "\"logit_bias\": {\"1\": 1, \"01\": 1} | twice",
        "\"frequency_penalty\": 0.5 | penalties",
        "\"presence_penalty\": 0.5 | penalties",
        "\"repetition_penalty\": 1.2 | penalties",
        "\"min_p\": 0.1 | min_p",
        "\"response_format\": {\"type\": \"json_object\"} | response_format",
        "\"tools\": [{}], \"tool_choice\": \"required\" | tool_choice",
        "\"functions\": [] | functions",
        "\"seed\": 1.5 | seed",
        "\"seed\": 99999999999999999999 | seed",
        "\"best_of\": 3 | best_of",
        "\"stream_options\": 3, \"stream\": true | stream_options",
        "\"chat_template_kwargs\": {\"messages\": 1} | chat_template_kwargs",
    })
    void aFieldThatIsWrongIsNamed(String field, String words) throws Exception {
        String name = field.substring(1, field.indexOf('"', 1));
        String base = name.equals("messages") ? "{\"model\": \"tiny\"" : name.equals("model")
                ? "{\"messages\": [" + Served.USER + "]" : "{\"model\": \"tiny\", \"messages\": [" + Served.USER + "]";
        assertRefused(post("/v1/chat/completions", base + ", " + field + "}"), 400, words);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "\"prompt\": [] | prompt is a list of 0",
        "\"prompt\": {} | prompt is an object",
        "\"prompt\": [[]] | no token",
        "\"prompt\": [1, 99999999] | entry 1",
        "\"prompt\": [1, 2.5] | entry 1",
        "\"prompt\": [\"a\", 3] | prompt",
        "\"prompt\": \"a\", \"logprobs\": 21 | logprobs",
        "\"prompt\": \"a\", \"suffix\": \"b\" | suffix",
        "\"prompt\": \"a\", \"max_tokens\": 0 | max_tokens",
        "\"prompt\": \"a\", \"max_tokens\": 100000 | takes 1024 in all",
    })
    void aCompletionThatIsWrongIsNamed(String fields, String words) throws Exception {
        assertRefused(post("/v1/completions", "{\"model\": \"tiny\", " + fields + "}"), 400, words);
    }

    @Test
    void bodiesThatAreNoObjectAreRefused() throws Exception {
        for (String body : List.of("", "{", "[]", "null", "{\"model\": \"tiny\", \"model\": \"tiny\"}", "[".repeat(5000))) {
            assertRefused(post("/v1/chat/completions", body), 400, "the body");
        }
        Served.Reply bytes = served.send(served.request("/tokenize").header("Authorization", "Bearer a key")
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[] {(byte) 0xFF, (byte) 0xFE})).build());
        assertRefused(bytes, 400, "UTF-8");
        assertRefused(post("/tokenize", "{\"prompt\": \"" + "a".repeat(Call.MOST_BODY) + "\"}"), 413, "bytes");
    }

    @Test
    void anotherModelAndALongPromptHaveTheirCodes() throws Exception {
        Served.Reply other = post("/v1/chat/completions", "{\"model\": \"other\", \"messages\": [" + Served.USER + "]}");
        assertRefused(other, 404, "\"other\"");
        assertThat(other.json().path("error").path("code").textValue()).isEqualTo("model_not_found");
        Served.Reply large = post("/v1/completions", "{\"model\": \"tiny\", \"prompt\": \"" + "word ".repeat(2000) + "\"}");
        assertRefused(large, 400, "takes 1024 in all");
        assertThat(large.json().path("error").path("code").textValue()).isEqualTo("context_length_exceeded");
    }

    @Test
    void onlyThoseWithTheKeyAreServed() throws Exception {
        for (String key : List.of("Bearer wrong", "Bearer a keyx", "Bearer a ke", "a key", "Basic a key")) {
            Served.Reply reply = served.send(served.request("/v1/models").header("Authorization", key).build());
            assertRefused(reply, 401, "key");
        }
        for (String path : List.of("/v1/models", "/metrics", "/tokenizer_info", "/nothing")) {
            assertRefused(served.get(path), 401, "no API key");
        }
        assertThat(served.get("/health").status()).isEqualTo(200);
        assertThat(served.get("/").body()).isEqualTo("<p>hello</p>");
    }

    @Test
    void pathsMethodsHostsAndOriginsAreExact() throws Exception {
        String key = "Authorization: Bearer a key\r\nConnection: close\r\n\r\n";
        String host = "Host: localhost\r\n";
        for (String path : List.of("/v1/modelsx", "/v1/models/../models", "/../etc/passwd", "/v1//models", "/healthy", "/health/", "/%2e%2e/", "/V1/models")) {
            assertThat(Served.raw(served.port(), "GET " + path + " HTTP/1.1\r\n" + host + key, 12)).as(path).isEqualTo("HTTP/1.1 404");
        }
        assertThat(Served.raw(served.port(), "GET /v1/models HTTP/1.1\r\n" + host + key, 12)).isEqualTo("HTTP/1.1 200");
        for (String good : List.of("127.0.0.1", "127.0.0.1:99", "LOCALHOST:8000", "[::1]", "[::1]:8000")) {
            assertThat(Served.raw(served.port(), "GET /health HTTP/1.1\r\nHost: " + good + "\r\n" + key, 12)).as(good).isEqualTo("HTTP/1.1 200");
        }
        for (String bad : List.of("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "::1", "evil.example:localhost")) {
            assertThat(Served.raw(served.port(), "GET /health HTTP/1.1\r\nHost: " + bad + "\r\n" + key, 12)).as(bad).isEqualTo("HTTP/1.1 403");
        }
        assertThat(Served.raw(served.port(), "GET /health HTTP/1.1\r\n" + host + "Origin: http://evil.example\r\n" + key, 12)).isEqualTo("HTTP/1.1 403");
        assertThat(Served.raw(served.port(), "GET /health HTTP/1.1\r\n" + host + "Origin: http://localhost\r\n" + key, 12)).isEqualTo("HTTP/1.1 200");
        String preflight = Served.raw(served.port(), "OPTIONS /v1/chat/completions HTTP/1.1\r\n" + host + "Origin: http://pages.example\r\nConnection: close\r\n\r\n", 4000);
        assertThat(preflight).startsWith("HTTP/1.1 204").containsIgnoringCase("Access-control-allow-origin: http://pages.example");
        Served.Reply method = served.send(served.request("/v1/chat/completions").header("Authorization", "Bearer a key").build());
        assertRefused(method, 405, "POST");
        assertThat(method.header("allow")).isEqualTo("POST");
        assertRefused(served.send(served.request("/v1/models/no%20such").header("Authorization", "Bearer a key").build()), 404, "no such");
    }
}
