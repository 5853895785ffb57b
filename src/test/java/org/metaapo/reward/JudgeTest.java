package org.metaapo.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Prompt;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;

/** A judge behind a chat endpoint. */
class JudgeTest {
    private static final Watch SILENT = done -> {};
    private static final Pattern ANSWERS = Pattern.compile("<answer_a>\n(.*)\n</answer_a>\n\n<answer_b>\n(.*)\n</answer_b>", Pattern.DOTALL);

    @TempDir
    Path temp;

    private static Annotator open(FakeService service, Path cache, String... options) {
        List<String> all = new ArrayList<>(List.of(
                "reward.judge=" + service.url().replace("/score", "/v1/"), "reward.judge_model=some-judge", "reward.timeout=5"));
        all.addAll(Arrays.asList(options));
        return RewardSource.of(RunConfig.reward(all), Map.of()).open(null, null, 1, cache);
    }

    private static String completion(String content) {
        ObjectNode reply = Json.mapper().createObjectNode();
        reply.putArray("choices").addObject().put("finish_reason", "stop").putObject("message").put("role", "assistant").put("content", content);
        reply.putObject("usage").put("prompt_tokens", 100).put("completion_tokens", 7);
        return Json.write(reply);
    }

    /** A judge that likes long answers, and the first of two that are equally long. */
    private static FakeService.Behaviour length() {
        return (exchange, body, number) -> {
            assertThat(exchange.getRequestURI().getPath()).isEqualTo("/v1/chat/completions");
            Matcher shown = ANSWERS.matcher(Json.parse(body, "request").path("messages").path(0).path("content").asText());
            assertThat(shown.find()).isTrue();
            FakeService.send(exchange, 200, completion("Because.\n\n**Verdict: " + (shown.group(1).length() >= shown.group(2).length() ? "A" : "B") + "**"));
        };
    }

    @Test
    void winsCountOnlyIfBothOrdersAgree() throws IOException {
        List<Prompt> prompts = List.of(new Prompt("p"), new Prompt("q"));
        List<List<Answer>> answers = Answers.of(List.of(List.of("bb", "a", "ccc", "dd", "bb"), List.of("x", "yy")));
        try (FakeService service = new FakeService(length())) {
            try (Annotator judge = open(service, null)) {
                List<double[]> scores = judge.score(prompts, answers, SILENT);
                // The pivot "bb" wins once, loses once and ties twice: with the one as long, and with its equal, which is not asked about.
                assertThat(scores.get(0)).containsExactly(0.5, 0, 1, 0.5, 0.5);
                assertThat(scores.get(1)).containsExactly(0, 1);
                assertThat(service.requests()).isEqualTo(2 * 3 + 2);
                assertThat(judge.costs()).isEqualTo(new AnnotationCosts(8, 0, 800, 56, 8, 8));
            }
            try (Annotator judge = open(service, null, "reward.judge_pairs=all")) {
                // Against a, ccc, dd and bb: as a round robin on paper.
                assertThat(judge.score(prompts, answers, SILENT).get(0))
                        .containsExactly((1 + 0 + 0.5 + 0.5) / 4, 0, 1, (1 + 0 + 0.5 + 0.5) / 4, (1 + 0 + 0.5 + 0.5) / 4);
            }
        }
    }

    @Test
    void verdictsAreCachedByOrder() throws IOException {
        Path cache = temp.resolve("cache.jsonl");
        List<Prompt> prompts = List.of(new Prompt("p"));
        try (FakeService service = new FakeService(length())) {
            try (Annotator judge = open(service, cache)) {
                judge.score(prompts, Answers.of("a", "bb"), SILENT);
            }
            try (Annotator judge = open(service, cache, "reward.judge_pairs=all")) {
                judge.score(prompts, Answers.of("bb", "a"), SILENT);
                assertThat(service.requests()).isEqualTo(2);
            }
            for (String other : List.of("reward.judge_model=another", "reward.judge_options={\"temperature\": 1}")) {
                try (Annotator judge = open(service, cache, other)) {
                    judge.score(prompts, Answers.of("bb", "a"), SILENT);
                }
            }
            assertThat(service.requests()).as("another model or temperature is another judge").isEqualTo(6);
        }
    }

    @Test
    void requestsCarryModelOptionsConversationAndNothingIsFilledTwice() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, completion("Verdict: tie")));
                Annotator judge = open(service, null, "reward.judge_options={max_completion_tokens: 50, temperature: 1e0, stop: [no, '5'], user: null}")) {
            judge.score(List.of(new Prompt("What is {answer_b}?")), Answers.of("{conversation} $1 \\", "no"), SILENT);
            JsonNode request = Json.parse(service.bodies.get(0), "request");
            assertThat(request.path("model").asText()).isEqualTo("some-judge");
            assertThat(request.path("max_completion_tokens").asInt()).isEqualTo(50);
            assertThat(request.path("temperature").isNumber()).isTrue();
            assertThat(request.path("stop").toString()).isEqualTo("[\"no\",\"5\"]");
            assertThat(request.path("user").isNull()).isTrue();
            assertThat(request.has("max_tokens")).isFalse();
            String shown = request.path("messages").path(0).path("content").asText();
            assertThat(shown).contains("[user]\nWhat is {answer_b}?\n", "{conversation} $1 \\");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", value = {
        "Verdict: A | 1",
        "Verdict: B | 0",
        "I think both.\\nverdict: Tie. | 0.5",
        "**Verdict: [[B]]** | 0",
        "## Verdict: **A**\\n\\n | 1",
        "Verdict: A\\nVerdict: B | 0",
        "Verdict: A or B | none",
        "A | none",
        "The verdict: A is better | none",
        "Verdict: A\\nbut I am not sure | none",
        "Verdict: C | none",
        "'' | none",
    })
    void onlyAClearLastLineIsAVerdict(String reply, Double value) {
        OptionalDouble expected = value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
        assertThat(JudgePrompt.verdict(reply.replace("\\n", "\n"))).isEqualTo(expected);
    }

    @Test
    void aReplyWithoutAVerdictIsAskedForAgainAndThenAnError() throws IOException {
        List<Prompt> prompts = List.of(new Prompt("p"));
        List<List<Answer>> answers = Answers.of("a", "bb");
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, completion(number == 0 ? "Hm." : "Verdict: A")));
                Annotator judge = open(service, null, "reward.parallel=1")) {
            assertThat(judge.score(prompts, answers, SILENT).get(0)).as("position-biased: a tie").containsExactly(0.5, 0.5);
            assertThat(judge.costs()).isEqualTo(new AnnotationCosts(3, 1, 300, 21, 2, 2));
        }
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, completion("I cannot\njudge this.")));
                Annotator judge = open(service, null, "reward.retries=1", "reward.parallel=1")) {
            assertThatThrownBy(() -> judge.score(prompts, answers, SILENT))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("a reply that ends with \"judge this.\" has no verdict in its last line (prompt \"p\"); expected \"Verdict: A\"");
            assertThat(service.requests()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"choices\": []} | expected choices[0].message",
        "{\"error\": {\"message\": \"x\"}} | expected choices[0].message, found nothing",
        "{\"choices\": [{\"message\": {\"content\": null}}]} | a reply of null has no verdict",
        "{\"choices\": [{\"finish_reason\": \"length\", \"message\": {\"content\": \"Verdict: A\"}}]} | cut by length (allow more in reward.judge_options)",
        "<html> | answered HTML",
    })
    void anAnswerThatIsNoneIsRefused(String reply, String words) throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, reply));
                Annotator judge = open(service, null, "reward.retries=0")) {
            assertThatThrownBy(() -> judge.score(List.of(new Prompt("p")), Answers.of("a", "b"), SILENT))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(words);
        }
    }

    @Test
    void oneAnswerAloneCannotBeJudgedAndAFailingEndpointIsTold() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 500, "no"));
                Annotator judge = open(service, null, "reward.retries=0")) {
            assertThatThrownBy(() -> judge.score(List.of(new Prompt("p")), Answers.of("a"), SILENT))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("expected two or more");
            assertThatThrownBy(() -> judge.score(List.of(new Prompt("p")), Answers.of("a", "b"), SILENT))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("judge http://127.0.0.1").hasMessageContaining("status 500");
        }
    }

    @Test
    void promptsAndOptionsAreChecked() throws IOException {
        Path prompt = Files.writeString(temp.resolve("prompt.txt"), "{conversation} {answer_a}");
        for (String[] wrong : new String[][] {
            {"reward.judge_prompt=" + prompt, "{answer_b} is not"},
            {"reward.judge_prompt=" + temp.resolve("none.txt"), "no such file"},
            {"reward.judge_options=oops", "expected a mapping or the JSON of an object"},
            {"reward.judge_options=[1]", "reward.judge_options is a list; expected a mapping"},
            {"reward.judge_options='{\"stream\": true}'", "has stream, which metaapo sets itself"},
        }) {
            assertThatThrownBy(() -> RewardSource.of(RunConfig.reward(List.of("reward.judge=http://h/v1", "reward.judge_model=m", wrong[0]))).check())
                    .as(wrong[0])
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining(wrong[1]);
        }
    }
}
