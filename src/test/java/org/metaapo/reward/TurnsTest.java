package org.metaapo.reward;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Prompt;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** Answers with more to them than a text, as the sources of rewards get them. */
class TurnsTest {
    private static final Prompt PROMPT = new Prompt(new Conversation(
            List.of(new Message("user", "Time?")), List.of(Map.of("name", "now")), null, Map.of("enable_thinking", false)));
    private static final Answer CALL = call("CET");
    private static final Answer OTHER_CALL = call("UTC");
    private static final Answer SEVERAL = new Answer(List.of(CALL.turns().get(0), new Message("tool", "12:00"), new Message("assistant", "Noon.")));
    private static final Watch SILENT = done -> {};

    /** Says one thing each time, and calls for different ones. */
    private static Answer call(String zone) {
        return new Answer(List.of(new Message("assistant", "I look.", Map.of(
                "role", "assistant", "content", "I look.", "tool_calls", List.of(Map.of("function", Map.of("name", "now", "arguments", Map.of("zone", zone))))))));
    }

    /** Counts turns, and tells answers from texts. */
    public static final class Turns implements RewardFunction {
        @Override
        public double[] score(List<Message> messages, List<Answer> answers) {
            return answers.stream().mapToDouble(answer -> answer.isText() ? answer.text().length() : 100 * answer.turns().size() + answer.shown().length()).toArray();
        }
    }

    private static Annotator open(String... keys) {
        return RewardSource.of(RunConfig.reward(List.of(keys)), Map.of()).open(null, null, 1, null);
    }

    private static List<double[]> score(Annotator annotator, Answer... answers) {
        return annotator.score(List.of(PROMPT), List.of(List.of(answers)), SILENT);
    }

    @Test
    void aServiceGetsTurnsToolsAndVariables() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) ->
                        FakeService.send(exchange, 200, "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2, 3, 4]}]}"));
                Annotator annotator = open("reward.url=" + service.url())) {
            assertThat(score(annotator, CALL, Answer.of("Noon."), SEVERAL, OTHER_CALL).get(0)).containsExactly(1, 2, 3, 4);
            JsonNode item = Json.parse(service.bodies.get(0), "request").path("items").get(0);
            assertThat(item.path("answers").get(0)).isEqualTo(Json.mapper().valueToTree(List.of(CALL.turns().get(0).fields())));
            assertThat(item.path("answers").get(1).textValue()).isEqualTo("Noon.");
            assertThat(item.path("answers").get(2).findValuesAsText("role")).containsExactly("assistant", "tool", "assistant");
            assertThat(item.path("tools").toString()).isEqualTo("[{\"name\":\"now\"}]");
            assertThat(item.path("chat_template_kwargs").toString()).isEqualTo("{\"enable_thinking\":false}");
            score(annotator, CALL, OTHER_CALL, SEVERAL);
            assertThat(service.requests()).as("known by their turns").isEqualTo(1);
        }
    }

    @Test
    void aJudgeSeesCallsAndTellsAnswersOfOneTextApart() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200,
                        "{\"choices\": [{\"message\": {\"content\": \"Verdict: " + (body.indexOf("CET") < body.indexOf("UTC") ? "A" : "B") + "\"}}]}"));
                Annotator judge = open("reward.judge=" + service.url() + "/v1", "reward.judge_model=some")) {
            assertThat(score(judge, CALL, OTHER_CALL).get(0)).containsExactly(1, 0);
            assertThat(service.requests()).isEqualTo(2);
            String shown = Json.parse(service.bodies.get(0), "request").path("messages").path(0).path("content").asText();
            assertThat(shown).contains("I look.\ntool_calls: [{\"function\":{").contains("\"zone\":\"CET\"");
            assertThat(score(judge, SEVERAL, SEVERAL).get(0)).as("equal turns tie without a question").containsExactly(0.5, 0.5);
            assertThat(service.requests()).isEqualTo(2);
        }
    }

    @Test
    void aClassGetsTheTurns() {
        try (Annotator annotator = open("reward.class=" + Turns.class.getName())) {
            double[] scores = score(annotator, CALL, Answer.of("Noon."), SEVERAL).get(0);
            assertThat(scores).containsExactly(100 + CALL.shown().length(), 5, 300 + SEVERAL.shown().length());
            assertThat(SEVERAL.shown()).isEqualTo("[assistant]\n" + CALL.shown() + "\n\n[tool]\n12:00\n\n[assistant]\nNoon.");
        }
    }

    @Test
    void scoresOfPlainAnswersStayKnown() {
        MessageDigest digest = Digests.sha256();
        for (String part : List.of("source", "[{\"role\":\"user\",\"content\":\"Hi\"}]", "null", "null", "Yo")) {
            byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
            digest.update(bytes);
        }
        String key = java.util.HexFormat.of().formatHex(digest.digest()).substring(0, 32);
        assertThat(Question.reward("source", new Prompt("Hi"), Answer.of("Yo")).key()).isEqualTo(key);
        Prompt varied = new Prompt("Hi", Map.of("enable_thinking", false));
        assertThat(Question.reward("source", varied, Answer.of("Yo")).key()).isNotEqualTo(key);
        String json = Json.write(CALL.plain());
        assertThat(Question.reward("source", PROMPT, Answer.of(json)).key()).isNotEqualTo(Question.reward("source", PROMPT, CALL).key());
    }
}
