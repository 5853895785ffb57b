package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Json;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** {@code metaapo inspect} with a run's filters and configuration. */
class InspectFilterTest extends CommandTest {
    private static String row(String prompt, String chosen, String rejected, double score) {
        return Json.write(Map.of("prompt", prompt, "chosen", chosen, "rejected", rejected, "score_chosen", score, "score_rejected", 1.0));
    }

    /** One row for each reason to leave it out, and two good ones. */
    private Path rows() throws IOException {
        return write("rows.jsonl", String.join("\n",
                row("One", "A good answer of words.", "A bad answer of words.", 5),
                row("Two", "A good answer of words.", "A bad answer of words.", 1.5),
                row("Three", "A good answer of words.", "A bad answer of words.", 4),
                row("One", "Another answer of words.", "A bad answer of words.", 5),
                row("Four", "A good answer. ".repeat(30), "A bad answer. ".repeat(30), 5),
                row("Five", "A", "A bad answer of words.", 5),
                row("Six", "Same.", "Same.", 5)) + "\n");
    }

    private Path config(Path rows, String filters) throws IOException {
        return write("run.yaml", String.join("\n",
                "recipe: dpo",
                "out: " + temp.resolve("run"),
                "dtype: f32",
                "model: {path: " + fixture("tiny-llama") + "}",
                "data: {train: [" + rows + "], max_length: 128, max_prompt_length: 64" + filters + "}",
                "train: {batch: 2}"));
    }

    @Test
    void rowsAreLeftOutAsTrainingLeavesThemOut() throws IOException {
        String filters = ", overlong: drop, min_answer_tokens: 3, min_score: 2, repeated_prompts: drop";
        Path config = config(rows(), filters);
        Path lines = temp.resolve("lines.jsonl");
        assertThat(run("inspect", "--config", config.toString(), "--out", lines.toString(), "--quiet")).as(err).isZero();
        List<JsonNode> seen = Files.readAllLines(lines).stream().map(line -> Json.parse(line, "lines")).toList();
        assertThat(seen).filteredOn(line -> line.path("side").asText().equals("chosen"))
                .extracting(line -> line.path("dropped").asText("")).map(text -> text.equals("null") ? "" : text)
                .containsExactly("", "score too low", "", "prompt of an earlier row", "answer too long", "answer too short", "answers equal");
        String[] note = {""};
        Recipes.run(RunConfig.load(config, List.of()), new RunListener() {
            @Override
            public void note(String line) {
                note[0] += line + "\n";
            }
        }, new StopSignal());
        assertThat(note[0]).contains("2 rows of ");
        for (String reason : List.of("score too low", "prompt of an earlier row", "answer too long", "answer too short", "answers equal")) {
            assertThat(note[0]).contains("1 dropped (" + reason + ")");
            assertThat(out).containsPattern("dropped +1  " + reason + "\n");
        }
    }

    @Test
    void filtersAreGivenByThemselvesToo() throws IOException {
        Path rows = rows();
        String[] plain = {"inspect", "--model", fixture("tiny-llama"), "--data", rows.toString(), "--max-length", "128", "--max-prompt-length", "64", "--quiet"};
        assertThat(run(plain)).as(err).isZero();
        assertThat(out).contains("truncated-answers").doesNotContain("answer too long");
        String[] filtered = java.util.Arrays.copyOf(plain, plain.length + 4);
        System.arraycopy(new String[] {"--filter", "overlong=drop", "--filter", "min_score_margin=2"}, 0, filtered, plain.length, 4);
        assertThat(run(filtered)).as(err).isZero();
        assertThat(out).containsPattern("dropped +1  answer too long\n").containsPattern("dropped +1  scores too close\n")
                .as("rows that training never sees hurt no run").doesNotContain("truncated-answers");
    }

    @Test
    void wrongFiltersAndMissingModelsAreTwo() throws IOException {
        Path rows = rows();
        assertFails(2, "--filter shuffle=true; expected KEY=VALUE with a key of overlong, min_answer_tokens", "inspect", "--model", fixture("tiny-llama"),
                "--data", rows.toString(), "--filter", "shuffle=true");
        assertFails(2, "data.overlong", "inspect", "--model", fixture("tiny-llama"), "--data", rows.toString(), "--filter", "overlong=keep");
        assertFails(2, "no model is given; expected --model DIR and --data FILE, or --config CONFIG.yaml", "inspect", "--data", rows.toString());
        assertFails(2, "no data is given", "inspect", "--model", fixture("tiny-llama"));
        assertThat(run("inspect", "--config", config(rows, "").toString(), "--model", fixture("tiny-qwen2"), "--quiet")).as(err).isZero();
        assertThat(out).as("options win; this model ends turns its own way").contains("A good answer of words.<|im_end|>");
    }
}
