package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;

/** Every finding of {@code metaapo inspect --check}: found where it is, with counts and advice, and not found in good data. */
class InspectCheckTest extends CommandTest {
    private static final String LLAMA =
            "{{- bos_token }}{%- for m in messages %}{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n'"
                    + " + m.content + '<|eot_id|>' }}{%- endfor %}";
    private static final String GENERATION =
            "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}";

    /** A copy of tiny-llama with another template and without what is named. */
    private Path model(String template, String... without) throws IOException {
        Path folder = Files.createDirectories(Files.createTempDirectory(temp, "model"));
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        for (String key : without) {
            for (String name : List.of("config.json", "generation_config.json", "tokenizer_config.json")) {
                Path file = folder.resolve(name);
                String text = Files.readString(file)
                        .lines()
                        .filter(line -> !line.contains("\"" + key + "\""))
                        .collect(Collectors.joining("\n"));
                Files.writeString(file, text);
            }
        }
        return folder;
    }

    private static String pair(String prompt, String chosen, String rejected) {
        return "{\"prompt\":[{\"role\":\"user\",\"content\":\"" + prompt
                + "\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"" + chosen
                + "\"}],\"rejected\":[{\"role\":\"assistant\",\"content\":\"" + rejected + "\"}]}\n";
    }

    /** Pairs that are all different, as long as one another. */
    private static String good(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> pair("Question " + i, "Yes.", "No."))
                .collect(Collectors.joining());
    }

    private int check(Path model, String rows, String... more) throws IOException {
        Path data = write("rows.jsonl", rows);
        List<String> arguments = new ArrayList<>(List.of(
                "inspect",
                "--model",
                model.toString(),
                "--data",
                data.toString(),
                "--rows",
                "0",
                "--check",
                "--quiet"));
        arguments.addAll(List.of(more));
        return run(arguments.toArray(new String[0]));
    }

    /** The check fails, for this alone, and tells what and where. */
    private void fails(String finding, String words, Path model, String rows, String... more) throws IOException {
        assertThat(check(model, rows, more)).as(err + out).isEqualTo(3);
        assertThat(err).isEqualTo("metaapo: the check failed: " + finding + "\n");
        assertThat(out).contains("✗ " + finding + "  ").contains(words);
    }

    /** The check passes, with a warning. */
    private void warns(String finding, String words, Path model, String rows, String... more) throws IOException {
        assertThat(check(model, rows, more)).as(err + out).isZero();
        assertThat(out).contains("! " + finding + "  ").contains(words);
    }

    @Test
    void goodDataPasses() throws IOException {
        assertThat(check(model(LLAMA + GENERATION), good(30))).as(err + out).isZero();
        assertThat(err).isEmpty();
        assertThat(out).contains("✓ nothing that would hurt a run");
        for (String name : List.of("tiny-llama", "tiny-qwen2", "tiny-rm")) {
            assertThat(run("inspect", "--model", fixture(name), "--data", fixture("pairs.jsonl"), "--check", "--quiet"))
                    .as(out)
                    .isZero();
            assertThat(out).contains("✓ nothing that would hurt a run");
        }
    }

    @Test
    void findingsWithoutCheckAreTold() throws IOException {
        Path data = write("rows.jsonl", good(3) + pair("Q", "Same.", "Same."));
        assertThat(run("inspect", "--model", fixture("tiny-llama"), "--data", data.toString(), "--quiet"))
                .isZero();
        assertThat(out).contains("✗ equal-pairs");
    }

    @Test
    void truncatedAnswers() throws IOException {
        String longer =
                "Yes and yes and yes and yes and yes and yes and yes and yes and yes and yes and yes and yes and yes.";
        String[] limits = {"--max-length", "60", "--max-prompt-length", "40"};
        fails(
                "truncated-answers",
                "3 of 40 answers (7.5 %) are cut",
                model(LLAMA + GENERATION),
                good(17) + pair("A", longer, "No.") + pair("B", longer, "No.") + pair("C", longer, "No."),
                limits);
        assertThat(out).contains("raise --max-length (data.max_length), now 60").contains("rows.jsonl:18, chosen");
        warns(
                "truncated-answers",
                "2 of 40 answers (5.0 %) are cut",
                model(LLAMA + GENERATION),
                good(18) + pair("A", longer, "No.") + pair("B", longer, "No."),
                limits);
    }

    @Test
    void truncatedPrompts() throws IOException {
        fails(
                "truncated-prompts",
                "1 of 4 prompts (25.0 %) lost their beginning",
                model(LLAMA + GENERATION),
                good(3) + pair("A very long question that does not end before the limit is reached", "Yes.", "No."),
                "--max-prompt-length",
                "30");
    }

    @Test
    void equalPairs() throws IOException {
        fails(
                "equal-pairs",
                "1 of 4 rows (25.0 %) have equal answers and are dropped",
                model(LLAMA + GENERATION),
                good(3) + pair("Q", "Same.", "Same."));
        assertThat(out).contains("rows.jsonl:4").containsPattern("dropped +1  answers equal");
        String start = "Same start same start same start same start same start same start same start same start";
        assertThat(check(
                        model(LLAMA + GENERATION),
                        good(60) + pair("Q", start + " one.", start + " two."),
                        "--max-length",
                        "50",
                        "--max-prompt-length",
                        "40"))
                .isEqualTo(3);
        assertThat(err).contains("equal-after-cut").doesNotContain("truncated-answers");
    }

    @Test
    void missingEos() throws IOException {
        fails(
                "missing-eos",
                "60 of 60 answers (100.0 %) end without a stop token",
                model((LLAMA + GENERATION).replace("<|eot_id|>", ""), "eos_token", "eos_token_id"),
                good(30));
        assertThat(out).contains("set eos_token in tokenizer_config.json and eos_token_id in generation_config.json");
    }

    @Test
    void stopTokensThatDiffer() throws IOException {
        String other = (LLAMA + GENERATION).replace("<|eot_id|>", "<|end_of_text|>");
        warns("stop-tokens", "the template ends turns with \"<|end_of_text|>\"", model(other), good(30));
    }

    @Test
    void doubleBos() throws IOException {
        fails(
                "double-bos",
                "30 of 30 rows (100.0 %) have BOS (<|begin_of_text|>) twice",
                model("{{- bos_token }}" + LLAMA + GENERATION),
                good(30));
        fails(
                "double-bos",
                "1 of 3 rows",
                model(LLAMA + GENERATION),
                good(2) + pair("<|begin_of_text|>Hi", "Yes.", "No."));
        String inAnswer =
                LLAMA.replace("+ m.content", "+ (bos_token if m.role == 'assistant' else '') + m.content") + GENERATION;
        fails("double-bos", "30 of 30 rows", model(inAnswer), good(30));
    }

    @Test
    void missingBos() throws IOException {
        warns(
                "missing-bos",
                "30 of 30 rows (100.0 %) do not begin with BOS",
                model((LLAMA + GENERATION).replace("{{- bos_token }}", "")),
                good(30));
    }

    @Test
    void aTemplateWithoutAGenerationPrompt() throws IOException {
        fails(
                "no-generation-prompt",
                "the header \"<|start_header_id|>assistant<|end_header_id|>\" becomes part of every answer",
                model(LLAMA),
                good(30));
        String withoutHeader =
                "{{- bos_token }}{%- for m in messages %}{{- ('[INST] ' + m.content + ' [/INST]') if m.role == 'user'"
                        + " else ' ' + m.content + '<|eot_id|>' }}{%- endfor %}";
        assertThat(check(model(withoutHeader), good(30)))
                .as("Mistral's kind has no header to leave out" + out)
                .isZero();
        assertThat(out).contains("✓ nothing");
    }

    @Test
    void textThatATemplateInserts() throws IOException {
        String thinking =
                LLAMA.replace("+ m.content", "+ ('<think></think>' if m.role == 'assistant' else '') + m.content");
        warns(
                "inserted-text",
                "writes \"<think></think>\" before every answer",
                model(thinking + GENERATION),
                good(30));
    }

    @Test
    void badRows() throws IOException {
        fails(
                "bad-rows",
                "2 of 5 rows (40.0 %) cannot be read or encoded",
                model(LLAMA + GENERATION),
                good(3) + "{\"prompt\":[],\"chosen\":\"a\",\"rejected\":\"b\"}\n" + "{\"prompt\n");
        assertThat(out).contains("rows.jsonl:4").contains("rows.jsonl, line 5");
    }

    @Test
    void rowsLongerThanTheModel() throws IOException {
        String words = "word ".repeat(600);
        assertThat(check(model(LLAMA + GENERATION), good(30) + pair(words, "Yes.", "No.")))
                .isEqualTo(3);
        assertThat(err).contains("too-long");
        assertThat(out).contains("1 of 31 rows (3.2 %) have more tokens than the model has positions");
    }

    @Test
    void pairsThatOpposeOrRepeatOthers() throws IOException {
        warns(
                "opposed-pairs",
                "rows.jsonl:4 against row 1",
                model(LLAMA + GENERATION),
                good(3) + pair("Question 1", "No.", "Yes."));
        warns(
                "duplicate-rows",
                "rows.jsonl:4 as row 2",
                model(LLAMA + GENERATION),
                good(3) + pair("Question 2", "Yes.", "No."));
        assertThat(out).containsPattern("prompts seen before +1");
    }

    @Test
    void scoresThatContradictTheOrder() throws IOException {
        String scored = pair("Question 4", "Yes.", "No.").replace("}\n", ",\"score_chosen\":%s,\"score_rejected\":%s}\n");
        warns("contradicting-scores", "rows.jsonl:4", model(LLAMA + GENERATION), good(3) + scored.formatted("2.5", "7"));
        assertThat(check(model(LLAMA + GENERATION), good(3) + scored.formatted("7", "2.5"))).as(out + err).isZero();
        assertThat(out + err).doesNotContain("contradicting-scores");
    }

    @Test
    void lengthBias() throws IOException {
        String rows = IntStream.range(0, 40)
                .mapToObj(i -> pair(
                        "Question " + i,
                        i % 8 == 0 ? "No." : "Yes, and this is a longer one.",
                        i % 8 == 0 ? "Yes, a longer one." : "No."))
                .collect(Collectors.joining());
        warns("length-bias", "the chosen answer is the longer one in 87.5 % of pairs", model(LLAMA + GENERATION), rows);
    }

    @Test
    void specialTokensInTexts() throws IOException {
        warns(
                "special-tokens-in-text",
                "1 of 3 rows (33.3 %) spell a special token",
                model(LLAMA + GENERATION),
                good(2) + pair("What does <|start_header_id|> mean?", "Yes.", "No."));
        warns(
                "blank-answers",
                "1 of 6 answers (16.7 %) are only white space",
                model(LLAMA + GENERATION),
                good(2) + pair("Q", "  ", "No."));
    }
}
