package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.text.Tokenizer;

/** Rows and outputs of {@code metaapo inspect}; {@link InspectCheckTest} has the findings. */
class InspectCommandTest extends CommandTest {
    private static final Path RESOURCES = Path.of("src/test/resources");

    private List<JsonNode> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> Json.parse(line, file.toString()))
                .toList();
    }

    /** A fixture's folder with another template. */
    private Path model(String fixture, String template) throws IOException {
        Path folder = Files.createDirectories(Files.createTempDirectory(temp, "model"));
        try (var files = Files.list(Fixtures.path(fixture))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        return folder;
    }

    private List<JsonNode> inspected(String model, Path data, String... more) throws IOException {
        Path file = temp.resolve("lines.jsonl");
        List<String> arguments = new ArrayList<>(
                List.of("inspect", "--model", model, "--data", data.toString(), "--out", file.toString(), "--quiet"));
        arguments.addAll(List.of(more));
        assertThat(run(arguments.toArray(new String[0]))).as(err).isZero();
        return lines(file);
    }

    @Test
    void idsAndTextsAreThoseOfTransformers() throws IOException {
        int compared = 0;
        for (JsonNode set : Json.read(RESOURCES.resolve("inspect/golden.json"))) {
            String template = set.path("prefix").asText()
                    + Files.readString(RESOURCES.resolve(set.path("template").asText()));
            Path model = model(set.path("fixture").asText(), template);
            StringBuilder rows = new StringBuilder();
            set.path("rows").forEach(row -> rows.append(Json.write(row)).append('\n'));
            List<JsonNode> found = inspected(
                    model.toString(),
                    write("rows.jsonl", rows.toString()),
                    set.path("keep_tail").asBoolean() ? new String[] {"--keep-template-tail"} : new String[0]);
            assertThat(found)
                    .as(set.path("name").asText())
                    .hasSize(set.path("lines").size());
            for (int i = 0; i < found.size(); i++) {
                for (Map.Entry<String, JsonNode> field :
                        set.path("lines").get(i).properties()) {
                    assertThat(found.get(i).path(field.getKey()))
                            .as(set.path("name").asText() + ", line " + i + ", " + field.getKey())
                            .isEqualTo(field.getValue());
                }
                compared++;
            }
        }
        assertThat(compared).isGreaterThanOrEqualTo(70);
    }

    @Test
    void everyLayoutHasItsSides() throws IOException {
        String model = fixture("tiny-llama");
        String messages =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Yes.\"}]}\n";
        JsonNode sft = inspected(model, write("sft.jsonl", messages)).get(0);
        assertThat(sft.path("side").asText()).isEqualTo("answer");
        assertThat(sft.path("text").asText()).endsWith("<|end_header_id|>\n\nYes.<|eot_id|>");

        JsonNode prompt = inspected(
                        model, write("prompts.jsonl", "{\"prompt\":[{\"role\":\"user\",\"content\":\"Hi\"}]}\n"))
                .get(0);
        assertThat(prompt.path("side").asText()).isEqualTo("prompt");
        assertThat(prompt.path("text")).isEqualTo(prompt.path("prompt_text"));
        assertThat(prompt.path("ids")).hasSize(prompt.path("prompt_tokens").asInt());
        assertThat(prompt.path("prompt_text")).isEqualTo(sft.path("prompt_text"));

        JsonNode unpaired = inspected(
                        model, write("kto.jsonl", "{\"prompt\":\"2 + 2 =\",\"completion\":\" 4\",\"label\":true}\n"))
                .get(0);
        assertThat(unpaired.path("side").asText()).isEqualTo("answer");
        assertThat(unpaired.path("label").asBoolean()).isTrue();
        assertThat(unpaired.path("text").asText()).isEqualTo("<|begin_of_text|>2 + 2 = 4<|eot_id|>");

        List<JsonNode> generated =
                inspected(model, write("gen.jsonl", "{\"prompt\":\"A\",\"responses\":[\" b\",\" c\"]}\n"));
        assertThat(generated).extracting(line -> line.path("side").asText()).containsExactly("response", "response");
        assertThat(generated).extracting(line -> line.path("index").asInt()).containsExactly(0, 1);

        String online = "{\"prompt\":\"A\",\"chosen\":\" b\",\"rejected\":\" c\",\"online_chosen\":\""
                + " d\",\"online_rejected\":\" e\"}\n";
        assertThat(inspected(model, write("online.jsonl", online)))
                .extracting(line -> line.path("side").asText())
                .containsExactly("chosen", "rejected", "online_chosen", "online_rejected");
    }

    @Test
    void toolsAndDocumentsReachTheTemplate() throws IOException {
        String template = "{{- bos_token }}{%- if tools %}{{- 'T' ~ tools[0].function.name }}{%- endif %}{%- if"
                + " documents %}{{- 'D' ~ documents[0].title }}{%- endif %}{%- for m in messages %}{{- m.content }}{%-"
                + " endfor %}{%- if add_generation_prompt %}{{- '' }}{%- endif %}";
        String model = model("tiny-llama", template).toString();
        String turns = "\"prompt\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
        Path data =
                write("rows.jsonl", "{" + turns + "}\n{" + turns + ",\"tools\":[{\"function\":{\"name\":\"own\"}}]}\n");
        Path tools = write("tools.json", "[{\"type\":\"function\",\"function\":{\"name\":\"given\"}}]");
        Path documents = write("documents.json", "[{\"title\":\"Plums\"}]");
        assertThat(inspected(model, data, "--tools", tools.toString(), "--documents", documents.toString()))
                .extracting(line -> line.path("prompt_text").asText())
                .containsExactly("<|begin_of_text|>TgivenDPlumsHi", "<|begin_of_text|>TownDPlumsHi");

        assertFails(
                3,
                "expected a list",
                "inspect",
                "--model",
                model,
                "--data",
                data.toString(),
                "--tools",
                write("tool.json", "{\"name\":\"x\"}").toString(),
                "--quiet");
        assertFails(
                2,
                "a plain prompt, which no template renders",
                "inspect",
                "--model",
                model,
                "--data",
                write("plain.jsonl", "{\"prompt\":\"Hi\"}\n").toString(),
                "--tools",
                tools.toString(),
                "--quiet");
    }

    @Test
    void cutsAreMarkedAndCounted() throws IOException {
        Path data = write(
                "rows.jsonl",
                "{\"prompt\":\"one two three four\",\"chosen\":\" five six seven\",\"rejected\":\" no\"}\n");
        String model = fixture("tiny-llama");
        JsonNode whole = inspected(model, data).get(0);
        int promptTokens = whole.path("prompt_tokens").asInt();
        int all = whole.path("ids").size();
        JsonNode cut = inspected(
                        model,
                        data,
                        "--max-prompt-length",
                        Integer.toString(promptTokens - 2),
                        "--max-length",
                        Integer.toString(all - 5),
                        "--color",
                        "never")
                .get(0);
        assertThat(cut.path("prompt_cut").asInt()).isEqualTo(2);
        assertThat(cut.path("answer_cut").asInt()).isEqualTo(3);
        assertThat(cut.path("ids")).hasSize(all - 5);
        for (int i = 0; i < all - 5; i++) {
            assertThat(cut.path("ids").get(i))
                    .as("prompt keeps its end, answer its start")
                    .isEqualTo(whole.path("ids").get(i + 2));
        }
        assertThat(cut.path("prompt_text")).isEqualTo(whole.path("prompt_text"));
        assertThat(out)
                .contains("│ ⟨cut: <|begin_of_text|>")
                .containsPattern("⟨cut: .*<\\|eot_id\\|>⟩")
                .contains("(2 cut)", "(3 cut)");
        assertThat(out).containsPattern("prompts cut +1 +100.0 %").containsPattern("answers cut +1 +50.0 %");
    }

    @Test
    void theTemplatesTailIsShownAsLeftOut() throws IOException {
        Path data = Fixtures.path("pairs.jsonl");
        JsonNode line = inspected(fixture("tiny-qwen2"), data).get(0);
        assertThat(line.path("text").asText()).endsWith("<|im_end|>");
        assertThat(out).contains("<|im_end|>⟨left out: ↵⟩");
        JsonNode kept =
                inspected(fixture("tiny-qwen2"), data, "--keep-template-tail").get(0);
        assertThat(kept.path("text").asText()).isEqualTo(line.path("text").asText() + "\n");
        assertThat(out).doesNotContain("left out");
        assertThat(inspected(fixture("tiny-rm"), data).get(0).path("text"))
                .as("a reward model reads the tail")
                .isEqualTo(kept.path("text"));
    }

    @Test
    void whatGenerationBlocksDoNotMarkIsMasked() throws IOException {
        String template =
                "{{- bos_token }}{%- for m in messages %}{{- '<|start_header_id|>' + m.role + '<|end_header_id|>'"
                        + " }}{%- if m.role == 'assistant' %}{%- generation %}{{- m.content + '<|eot_id|>' }}{%-"
                        + " endgeneration %}{%- else %}{{- m.content + '<|eot_id|>' }}{%- endif %}{%- endfor %}";
        String model = model("tiny-llama", template).toString();
        String turns = "[\"Hi\",\"Yes.\",\"And?\",\"No.\"]";
        StringBuilder row = new StringBuilder();
        int turn = 0;
        for (JsonNode content : Json.parse(turns, "turns")) {
            row.append(turn == 0 ? "" : ",")
                    .append("{\"role\":\"" + (turn++ % 2 == 0 ? "user" : "assistant") + "\",\"content\":" + content
                            + "}");
        }
        Path data = write("sft.jsonl", "{\"messages\":[" + row + "]}\n");
        JsonNode line = inspected(model, data, "--loss", "generation").get(0);
        assertThat(out)
                .contains("│ Yes.<|eot_id|>⟨masked: <|start_header_id|>user<|end_header_id|>And?<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>⟩No.<|eot_id|>");
        assertThat(line.path("prompt_text").asText())
                .isEqualTo("<|begin_of_text|><|start_header_id|>user<|end_header_id|>Hi<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>");
        int promptTokens = line.path("prompt_tokens").asInt();
        StringBuilder trained = new StringBuilder();
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-llama"))) {
            for (int i = 0; i < line.path("trained").size(); i++) {
                if (line.path("trained").get(i).asBoolean()) {
                    int id = line.path("ids").get(promptTokens + i).asInt();
                    trained.append(tokenizer.decode(new int[] {id}, false));
                }
            }
        }
        assertThat(trained.toString()).isEqualTo("Yes.<|eot_id|>No.<|eot_id|>");
        assertThat(line.path("ids")).hasSize(promptTokens + line.path("trained").size());
        assertThat(inspected(model, data).get(0).has("trained")).isFalse();

        String newline = template.replace("m.content + '<|eot_id|>'", "m.content + '<|eot_id|>\\n'");
        assertThat(newline).isNotEqualTo(template);
        run("inspect", "--model", model("tiny-llama", newline).toString(), "--data", data.toString(), "--loss", "generation", "--check", "--quiet");
        assertThat(out + err).doesNotContain("missing-eos");

        String unmarkedEnd = template.replace(
                " + '<|eot_id|>' }}{%- endgeneration %}", " }}{%- endgeneration %}{{- '<|eot_id|>' }}");
        assertThat(run(
                        "inspect",
                        "--model",
                        model("tiny-llama", unmarkedEnd).toString(),
                        "--data",
                        data.toString(),
                        "--loss",
                        "generation",
                        "--check",
                        "--quiet"))
                .as(out)
                .isEqualTo(3);
        assertThat(err).contains("missing-eos");
    }

    @Test
    void linesMayGoToStandardOutput() {
        assertThat(run(
                        "inspect",
                        "--model",
                        fixture("tiny-llama"),
                        "--data",
                        fixture("pairs.jsonl"),
                        "--out",
                        "-",
                        "--quiet"))
                .isZero();
        assertThat(out.lines()).hasSize(16).allMatch(line -> line.startsWith("{\"row\":"));
        assertThat(err).contains("── rows");
    }

    @Test
    void idsFollowTheirTokens() {
        assertThat(run(
                        "inspect",
                        "--model",
                        fixture("tiny-llama"),
                        "--data",
                        fixture("pairs.jsonl"),
                        "--rows",
                        "1",
                        "--ids",
                        "--quiet"))
                .isZero();
        assertThat(out)
                .contains("<|begin_of_text|>[480]<|start_header_id|>[482]")
                .contains("<|eot_id|>[484]");
    }

    @Test
    void coloursOnlyWhereTheyAreWanted() throws IOException {
        Path data = write(
                "rows.jsonl", "{\"prompt\":\"a\",\"chosen\":\" \\u001b[31m red \\u202e\",\"rejected\":\" \\u0007\"}\n");
        String[] command = {"inspect", "--model", fixture("tiny-llama"), "--data", data.toString(), "--quiet"};
        assertThat(run(command)).isZero();
        assertThat(out)
                .as("no terminal")
                .doesNotContain("\u001b")
                .contains("␛[31m red <U+202E>")
                .contains("␇");
        List<String> always = new ArrayList<>(List.of(command));
        always.addAll(List.of("--color", "always"));
        assertThat(run(always.toArray(new String[0]))).isZero();
        assertThat(out)
                .contains("\u001b[32m")
                .contains("␛[31m red")
                .doesNotContain("\u001b[31m red")
                .doesNotContain("\u202e");
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.AUTO, true, Map.of()))
                .isTrue();
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.AUTO, false, Map.of()))
                .isFalse();
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.AUTO, true, Map.of("NO_COLOR", "1")))
                .isFalse();
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.AUTO, true, Map.of("NO_COLOR", "")))
                .as("no-color.org: not empty")
                .isTrue();
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.AUTO, true, Map.of("TERM", "dumb")))
                .isFalse();
        assertThat(TerminalOutput.colour(TerminalOutput.Colour.ALWAYS, false, Map.of("NO_COLOR", "1")))
                .isTrue();
    }

    @Test
    void thePageIsOneFileAndTextsStayData() throws IOException {
        String hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)> /*JS*/ \\u2028";
        Path data = write("rows.jsonl", "{\"prompt\":\"" + hostile + "\",\"chosen\":\" a\",\"rejected\":\" b\"}\n");
        Path page = temp.resolve("page.html");
        assertThat(run(
                        "inspect",
                        "--model",
                        fixture("tiny-llama"),
                        "--data",
                        data.toString(),
                        "--html",
                        page.toString(),
                        "--quiet"))
                .isZero();
        String text = Files.readString(page);
        assertThat(text)
                .doesNotContain("<script>alert", "<img src=x", "src=\"", "href=\"", "http://", "@import", "/*DATA*/");
        assertThat(text.split("<script"))
                .as("data, uPlot, what pages share, their pictures, and the page's own script")
                .hasSize(6);
        String json = text.substring(text.indexOf("application/json\">") + 18, text.indexOf("</script>"));
        JsonNode row = Json.parse(json, "page").path("rows").get(0);
        StringBuilder prompt = new StringBuilder();
        row.path("prompt").forEach(piece -> prompt.append(piece.get(0).asText()));
        assertThat(prompt.toString()).isEqualTo("<|begin_of_text|>" + hostile.replace("\\u2028", "\u2028"));
        assertThat(row.path("prompt").get(0).size()).as("special token").isEqualTo(3);
    }

    @Test
    void stepZeroSaysWhatTheModelThinks() {
        assertThat(run(
                        "inspect",
                        "--model",
                        fixture("tiny-llama"),
                        "--data",
                        fixture("pairs.jsonl"),
                        "--step0",
                        "--dtype",
                        "f32",
                        "--quiet"))
                .as(err)
                .isZero();
        double sum = 0;
        int tokens = 0;
        for (JsonNode pair : Json.read(Fixtures.path("tiny-llama.golden.json")).path("pairs")) {
            sum += pair.path("chosen").path("logp_sum").asDouble();
            tokens += pair.path("chosen").path("logps").size();
        }
        assertThat(out)
                .contains(String.format(
                        java.util.Locale.ROOT,
                        "%.3f  log p a token; a guess among all tokens gets -6.18",
                        sum / tokens));
        assertThat(out).containsPattern("loss +0\\.69314[67]");
        assertFails(
                2,
                "needs a language model",
                "inspect",
                "--model",
                fixture("tiny-rm"),
                "--data",
                fixture("pairs.jsonl"),
                "--step0",
                "--quiet");
    }

    @Test
    void wrongNumbersAreTwo() {
        String[] command = {
            "inspect",
            "--model",
            fixture("tiny-llama"),
            "--data",
            fixture("pairs.jsonl"),
            "--max-length",
            "10",
            "--max-prompt-length",
            "10",
            "--quiet"
        };
        assertFails(2, "data.max_prompt_length is 10; expected less than data.max_length, 10", command);
        command[8] = "0";
        assertFails(2, "data.max_prompt_length", command);
    }
}
