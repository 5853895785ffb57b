package org.metaapo.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** Answers over HTTP are the engine's: whole or streamed, with what is told beside them. */
class AnswersTest {
    private static final String TEXT = "How does a bicycle stay upright?";

    private static Served served;
    private static Engine engine;
    private static AdaptedFolder.Loaded loaded;

    @BeforeAll
    static void open() {
        served = new Served(6, 50, null, null);
        engine = Engine.open(DeviceSpec.CPU, 1);
        loaded = served.policy.load(engine, Dtype.F32);
    }

    @AfterAll
    static void close() {
        loaded.close();
        engine.close();
        served.close();
    }

    private static ChatFormat format() {
        return served.policy.format();
    }

    private static List<GeneratedAnswer> generate(int[] prompt, Sampling sampling) {
        try (Generator generator = loaded.network().generator(new GeneratorOptions(3, 400))) {
            return generator.generate(List.of(prompt), new long[] {0}, sampling, null).get(0);
        }
    }

    private static int[] prompt() {
        return format().encodePrompt(new Conversation(List.of(new Message("user", TEXT))));
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0, 1, 5", "1, 1, 0, 3, 7", "0.7, 0.9, 12, 2, -3"})
    void wholeAndStreamedAnswersAreThoseOfGenerate(double temperature, double topP, int topK, int n, long seed) throws Exception {
        Sampling sampling = new Sampling(n, 20, temperature == 0, topK, topP, temperature, seed, format().stopIds());
        List<GeneratedAnswer> expected = generate(prompt(), sampling);
        String fields = "\"temperature\": " + temperature + ", \"top_p\": " + topP + ", \"top_k\": " + topK + ", \"n\": " + n + ", \"seed\": " + seed
                + ", \"max_completion_tokens\": 20, \"max_tokens\": 3";
        JsonNode whole = served.chat(fields).json();
        int tokens = 0;
        for (int k = 0; k < n; k++) {
            GeneratedAnswer answer = expected.get(k);
            JsonNode choice = whole.path("choices").get(k);
            assertThat(choice.path("index").intValue()).isEqualTo(k);
            assertThat(choice.path("message").path("content").textValue()).isEqualTo(text(answer));
            assertThat(choice.path("finish_reason").textValue()).isEqualTo(answer.stopped() ? "stop" : "length");
            tokens += answer.tokens().length;
        }
        assertThat(whole.path("usage").path("prompt_tokens").intValue()).isEqualTo(prompt().length);
        assertThat(whole.path("usage").path("completion_tokens").intValue()).isEqualTo(tokens);
        Map<Integer, StringBuilder> streamed = new TreeMap<>();
        Map<Integer, String> finish = new TreeMap<>();
        List<JsonNode> events = served.chat(fields + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}").events();
        for (JsonNode event : events) {
            for (JsonNode choice : event.path("choices")) {
                int index = choice.path("index").intValue();
                streamed.computeIfAbsent(index, any -> new StringBuilder()).append(choice.path("delta").path("content").asText(""));
                if (choice.path("finish_reason").isTextual()) {
                    assertThat(finish.put(index, choice.path("finish_reason").textValue())).isNull();
                }
            }
        }
        for (int k = 0; k < n; k++) {
            assertThat(streamed.get(k)).hasToString(text(expected.get(k)));
            assertThat(finish.get(k)).isEqualTo(whole.path("choices").get(k).path("finish_reason").textValue());
        }
        JsonNode last = events.get(events.size() - 1);
        assertThat(last.path("choices")).isEmpty();
        assertThat(last.path("usage")).isEqualTo(whole.path("usage"));
        assertThat(events.get(0).path("choices").get(0).path("delta").path("role").textValue()).isEqualTo("assistant");
    }

    /** Bytes that are no text become the same replacements, also where the answer ends within a character. */
    private static String text(GeneratedAnswer answer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int end = answer.tokens().length - (answer.stopped() ? 1 : 0);
        for (int i = 0; i < end; i++) {
            bytes.writeBytes(format().tokenizer().bytes(answer.tokens()[i]));
        }
        String text = new String(bytes.toByteArray(), StandardCharsets.UTF_8);
        assertThat(text).isEqualTo(format().tokenizer().decode(Arrays.copyOf(answer.tokens(), end), true));
        return text;
    }

    @Test
    void logProbsOfPromptsAreThoseOfScoring() throws Exception {
        int[] ids = format().encodePlainPrompt(TEXT);
        String list = Arrays.toString(ids);
        JsonNode choices = served.complete("\"prompt\": [" + list + ", " + list + "], \"echo\": true, \"logprobs\": 1, \"max_tokens\": 1, \"temperature\": 0")
                .json().path("choices");
        assertThat(choices).hasSize(2);
        double expected;
        TokenBatch.Builder builder = TokenBatch.builder();
        builder.pack(new int[] {ids[0]}, List.of(Arrays.copyOfRange(ids, 1, ids.length)));
        try (TokenBatch batch = builder.build();
                Scorer scorer = loaded.network().scorer(200)) {
            expected = scorer.logprobs(batch)[0];
        }
        for (JsonNode choice : choices) {
            JsonNode logprobs = choice.path("logprobs");
            JsonNode values = logprobs.path("token_logprobs");
            assertThat(values).hasSize(ids.length + 1);
            assertThat(values.get(0).isNull()).isTrue();
            double sum = 0;
            for (int i = 1; i < ids.length; i++) {
                sum += values.get(i).doubleValue();
            }
            assertThat(sum).isCloseTo(expected, within(1e-4 * ids.length));
            for (int i = 1; i <= ids.length; i++) {
                double largest = Double.NEGATIVE_INFINITY;
                for (JsonNode top : logprobs.path("top_logprobs").get(i)) {
                    largest = Math.max(largest, top.doubleValue());
                }
                // The last one is drawn greedily: the harness compares the numbers themselves.
                assertThat(values.get(i).doubleValue()).isLessThanOrEqualTo(largest);
                assertThat(i < ids.length || values.get(i).doubleValue() == largest).isTrue();
            }
            assertThat(choice.path("text").textValue()).startsWith(TEXT);
        }
        JsonNode alone = served.complete("\"prompt\": " + list + ", \"echo\": true, \"logprobs\": 0, \"max_tokens\": 0").json();
        assertThat(alone.path("choices").get(0).path("text").textValue()).isEqualTo(TEXT);
        assertThat(alone.path("choices").get(0).path("logprobs").path("tokens")).hasSize(ids.length);
        assertThat(alone.path("usage").path("completion_tokens").intValue()).isZero();
    }

    @Test
    void bytesOfLogProbsAreTheText() throws Exception {
        String fields = "\"temperature\": 0, \"max_tokens\": 24, \"logprobs\": true, \"top_logprobs\": 3";
        JsonNode choice = served.chat(fields).json().path("choices").get(0);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (JsonNode token : choice.path("logprobs").path("content")) {
            token.path("bytes").forEach(b -> bytes.write(b.intValue()));
            assertThat(token.path("top_logprobs")).hasSize(3);
            assertThat(token.path("top_logprobs").get(0).path("logprob")).isEqualTo(token.path("logprob"));
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo(choice.path("message").path("content").textValue());
        List<JsonNode> streamed = new ArrayList<>();
        for (JsonNode event : served.chat(fields + ", \"stream\": true").events()) {
            event.path("choices").get(0).path("logprobs").path("content").forEach(streamed::add);
        }
        assertThat(streamed).hasSize(choice.path("logprobs").path("content").size());
    }

    @Test
    void stopStringsAndBiasesShapeTheAnswer() throws Exception {
        String fields = "\"temperature\": 0, \"max_tokens\": 24, \"ignore_eos\": true";
        String full = content(fields);
        String stop = full.codePoints().filter(c -> c < 128 && Character.isLetter(c)).mapToObj(Character::toString).findFirst().orElseThrow();
        for (String stops : List.of("\"" + stop + "\"", "[\"~never~\", \"" + stop + "\"]")) {
            assertThat(content(fields + ", \"stop\": " + stops)).isEqualTo(full.substring(0, full.indexOf(stop)));
        }
        StringBuilder streamed = new StringBuilder();
        String finish = "";
        for (JsonNode event : served.chat(fields + ", \"stream\": true, \"stop\": \"" + stop + "\"").events()) {
            streamed.append(event.path("choices").get(0).path("delta").path("content").asText(""));
            finish = event.path("choices").get(0).path("finish_reason").asText(finish);
        }
        assertThat(streamed).hasToString(full.substring(0, full.indexOf(stop)));
        assertThat(finish).isEqualTo("stop");
        JsonNode forced = served.complete("\"prompt\": \"a\", \"max_tokens\": 3, \"logprobs\": 0, \"logit_bias\": {\"70\": 100}").json();
        assertThat(forced.path("choices").get(0).path("logprobs").path("tokens")).hasSize(3).allMatch(t -> t.textValue().equals(format().tokenizer().spelled(70)));
        JsonNode stopped = served.complete("\"prompt\": \"a\", \"max_tokens\": 3, \"stop_token_ids\": [70], \"logit_bias\": {\"70\": 100}").json();
        assertThat(stopped.path("choices").get(0).path("finish_reason").textValue()).isEqualTo("stop");
        assertThat(stopped.path("choices").get(0).path("text").textValue()).isEmpty();
        assertThat(stopped.path("usage").path("completion_tokens").intValue()).isEqualTo(1);
    }

    private static String content(String fields) throws Exception {
        return served.chat(fields).json().path("choices").get(0).path("message").path("content").textValue();
    }

    @Test
    void aConversationIsReadInAllItsForms() throws Exception {
        String plain = content("\"temperature\": 0");
        assertThat(served.post("/v1/chat/completions", Served.chatBody("\"temperature\": 0, \"user\": \"u\", \"frequency_penalty\": 0, \"metadata\": {\"a\": 1}")
                        .replace("\"content\": \"" + TEXT + "\"", "\"content\": [{\"type\": \"text\", \"text\": \"How does a \"}, {\"type\": \"text\", \"text\": \"bicycle stay upright?\"}]"))
                .json().path("choices").get(0).path("message").path("content").textValue()).isEqualTo(plain);
        int[] rendered = format().encodePrompt(new Conversation(List.of(new Message("system", "Be short."), new Message("user", TEXT))));
        JsonNode tokens = served.post("/tokenize", "{\"messages\": [{\"role\": \"developer\", \"content\": \"Be short.\"}, " + Served.USER + "]}").json();
        assertThat(tokens.path("count").intValue()).isEqualTo(rendered.length);
        assertThat(served.post("/detokenize", "{\"tokens\": " + tokens.path("tokens") + "}").json().path("prompt").textValue())
                .isEqualTo(format().tokenizer().decode(rendered, false));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void severalPromptsAreAnsweredInOrder(boolean stream) throws Exception {
        String fields = "\"prompt\": [\"one two\", \"three\"], \"n\": 2, \"seed\": 3, \"max_tokens\": 6, \"stream\": " + stream;
        Served.Reply reply = served.complete(fields);
        Map<Integer, String> texts = new TreeMap<>();
        for (JsonNode part : stream ? reply.events() : List.of(reply.json())) {
            for (JsonNode choice : part.path("choices")) {
                texts.merge(choice.path("index").intValue(), choice.path("text").textValue(), String::concat);
            }
        }
        List<GeneratedAnswer> first = generate(format().encodePlainPrompt("one two"), new Sampling(2, 6, false, 0, 1, 1, 3, format().stopIds()));
        assertThat(texts).hasSize(4);
        assertThat(texts.get(0)).isEqualTo(text(first.get(0)));
        assertThat(texts.get(1)).isEqualTo(text(first.get(1)));
    }

    @Test
    void theModelSaysWhatItIs() throws Exception {
        JsonNode card = served.get("/v1/models").json().path("data").get(0);
        assertThat(card.path("id").textValue()).isEqualTo("tiny");
        assertThat(card.path("max_model_len").intValue()).isEqualTo(served.policy.config().maxPositions());
        assertThat(served.get("/v1/models/tiny").json()).isEqualTo(card);
        JsonNode info = served.get("/tokenizer_info").json();
        assertThat(info.path("eos_token").textValue()).isEqualTo(format().tokenizer().specialToken("eos_token"));
        assertThat(info.path("chat_template").textValue()).isEqualTo(format().templateText()).contains("message");
        assertThat(served.get("/metrics").body()).contains("# TYPE metaapo:num_requests_running gauge", "metaapo:time_to_first_token_seconds_bucket");
        assertThat(served.metric("prompt_tokens_total")).isGreaterThanOrEqualTo(0);
    }
}
