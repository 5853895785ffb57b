package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** What of a conversation SFT trains on. */
class SftLossTest {
    private static final String ONE_TURN = "{\"messages\": [{\"role\": \"user\", \"content\": \"Name a prime.\"},"
            + " {\"role\": \"assistant\", \"content\": \"Seven is one.\"}]}\n";
    private static final String TWO_TURNS = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\","
            + " \"content\": \"Hello there.\"}, {\"role\": \"user\", \"content\": \"Name a prime.\"},"
            + " {\"role\": \"assistant\", \"content\": \"Seven.\"}]}\n";

    @TempDir
    Path temp;

    @BeforeEach
    void copyModelWithMarkingTemplate() throws IOException {
        Path model = Files.createDirectory(temp.resolve("policy"));
        try (Stream<Path> files = Files.list(Fixtures.path("tiny-qwen2"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName().toString()));
            }
        }
        String turn = "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' %}"
                + "{%- generation %}{{- m.content + '<|im_end|>' }}{%- endgeneration %}{{- '\\n' }}"
                + "{%- else %}{{- m.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
                + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";
        Files.writeString(model.resolve("chat_template.jinja"), turn);
    }

    /** The metrics of one epoch with a learning rate of zero: a step over all rows, and an evaluation of the same rows. */
    private List<JsonNode> run(String rows, String loss, String recipe) throws IOException {
        Path data = Files.writeString(temp.resolve("rows.jsonl"), rows);
        Path out = temp.resolve("run-" + loss);
        Path yaml = Files.writeString(temp.resolve(loss + ".yaml"), String.join("\n",
                "recipe: " + recipe, "out: " + out, "dtype: f32", "threads: 2", "model: {path: " + temp.resolve("policy") + "}",
                "data: {train: [" + data + "], eval: [" + data + "], max_length: 256, max_prompt_length: 128, loss: " + loss + "}",
                "optimizer: {learning_rate: 0}", "train: {epochs: 1, batch: 8, micro_tokens: 40}"));
        Recipes.run(RunConfig.load(yaml, List.of()), RunListener.SILENT, new StopSignal());
        return Files.readAllLines(out.resolve("metrics.jsonl")).stream().map(line -> Json.parse(line, "metrics")).toList();
    }

    private static JsonNode step(List<JsonNode> metrics) {
        return metrics.stream().filter(line -> line.has("step") && !line.has("kind")).findFirst().orElseThrow();
    }

    private static double evaluated(List<JsonNode> metrics) {
        return metrics.stream().filter(line -> line.path("kind").asText().equals("eval")).findFirst().orElseThrow().path("loss").asDouble();
    }

    @Test
    void marksAroundTheAnswerChangeNothing() throws IOException {
        List<JsonNode> answer = run(ONE_TURN + ONE_TURN.replace("Seven", "Eleven"), "answer", "sft");
        List<JsonNode> generation = run(ONE_TURN + ONE_TURN.replace("Seven", "Eleven"), "generation", "sft");
        for (String field : List.of("loss", "grad_norm", "logps_chosen")) {
            double wanted = step(answer).path(field).asDouble();
            assertThat(step(generation).path(field).asDouble()).isCloseTo(wanted, within(1e-5 * Math.abs(wanted)));
        }
        assertThat(evaluated(generation)).isCloseTo(evaluated(answer), within(1e-6));
    }

    @Test
    void allMarkedTurnsAreTrained() throws IOException {
        List<JsonNode> answer = run(TWO_TURNS, "answer", "sft");
        List<JsonNode> generation = run(TWO_TURNS, "generation", "sft");
        // Training and evaluation take the log-probs of the marked tokens from two different passes.
        assertThat(step(generation).path("loss").asDouble()).isCloseTo(evaluated(generation), within(1e-5));
        // The sum has the last turn's part, and the first turn's beside it.
        assertThat(step(generation).path("logps_chosen").asDouble()).isLessThan(step(answer).path("logps_chosen").asDouble());
        assertThat(step(generation).path("tokens").asLong()).isEqualTo(step(answer).path("tokens").asLong());
    }

    @Test
    void preferenceRecipesRefuseIt() {
        assertThatThrownBy(() -> run(ONE_TURN, "generation", "dpo")).isInstanceOf(UsageException.class).hasMessageContaining("data.loss");
    }
}
