package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Commands on packed weights: a folder that bitsandbytes has written, and {@code --quantize}. */
class QuantizeCommandTest extends CommandTest {
    private static final String BASE = fixture("tiny-llama");
    private static final String ADAPTER = fixture("lora/llama-all");
    private static final String PAIRS = fixture("pairs.jsonl");

    private Path packed;

    @BeforeEach
    void folder() throws IOException {
        packed = Files.createDirectories(temp.resolve("packed"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(Fixtures.path("lora/tiny-llama-nf4").resolve(file), packed.resolve(file));
        }
        for (String file : List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")) {
            Files.copy(Fixtures.path("tiny-llama").resolve(file), packed.resolve(file));
        }
    }

    private List<JsonNode> lines(String... command) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of("--data", PAIRS, "--dtype", "f32", "--threads", "1", "--quiet"));
        assertThat(run(all.toArray(String[]::new))).as(err).isZero();
        return out.lines().map(line -> Json.parse(line, "stdout")).toList();
    }

    private static double[] sums(List<JsonNode> lines, String field) {
        return lines.stream().mapToDouble(line -> line.path(field).asDouble()).toArray();
    }

    @Test
    void scoreMergeAndGenerateAgreeOnPackedWeights() {
        JsonNode golden = Json.read(Fixtures.path("lora/tiny-llama-nf4.golden.json"));
        List<JsonNode> scores = lines("score", "--model", packed.toString(), "--adapter", ADAPTER, "--reference", packed.toString());
        for (int i = 0; i < scores.size(); i++) {
            for (String side : List.of("chosen", "rejected")) {
                assertThat(scores.get(i).path(side + "_logp").asDouble())
                        .isCloseTo(golden.path("logp_sums_adapter_on").path(side).get(i).asDouble(), within(2e-4));
                assertThat(scores.get(i).path("ref_" + side + "_logp").asDouble())
                        .isCloseTo(golden.path("logp_sums_adapter_off").path(side).get(i).asDouble(), within(2e-4));
            }
        }
        Path merged = temp.resolve("merged");
        assertThat(run("merge", "--model", packed.toString(), "--adapter", ADAPTER, "--out", merged.toString(), "--dtype", "f32", "--quiet")).as(err).isZero();
        assertThat(sums(lines("score", "--model", merged.toString()), "chosen_logp")).containsExactly(sums(scores, "chosen_logp"), within(1e-3));
        String[] greedy = {"--greedy", "--k", "1", "--max-new-tokens", "12"};
        List<JsonNode> answers = generate(greedy, "--model", packed.toString(), "--adapter", ADAPTER);
        assertThat(answers).isEqualTo(generate(greedy, "--model", merged.toString()));
    }

    /** Token ids of the answers. */
    private List<JsonNode> generate(String[] options, String... model) {
        List<String> command = new ArrayList<>(List.of("generate"));
        command.addAll(List.of(model));
        command.addAll(List.of(options));
        return lines(command.toArray(String[]::new)).stream().map(line -> line.path("tokens")).toList();
    }

    @Test
    void weightsArePackedWhereThatIsAskedFor() {
        double[] whole = sums(lines("score", "--model", BASE), "chosen_logp");
        for (String quantize : List.of("nf4", "int8")) {
            double[] found = sums(lines("score", "--model", BASE, "--quantize", quantize), "chosen_logp");
            double difference = 0;
            for (int i = 0; i < whole.length; i++) {
                difference += Math.abs(found[i] - whole[i]);
            }
            assertThat(difference).as(quantize).isBetween(1e-3, quantize.equals("nf4") ? 100.0 : 10.0);
            // Merged onto the packed weights the scores are those of the adapter over them.
            Path merged = temp.resolve(quantize);
            assertThat(run("merge", "--model", BASE, "--adapter", ADAPTER, "--quantize", quantize, "--out", merged.toString(), "--dtype", "f32", "--quiet"))
                    .as(err).isZero();
            assertThat(sums(lines("score", "--model", merged.toString()), "chosen_logp"))
                    .containsExactly(sums(lines("score", "--model", BASE, "--adapter", ADAPTER, "--quantize", quantize), "chosen_logp"), within(1e-3));
        }
        assertThat(sums(lines("score", "--model", BASE, "--quantize", "none"), "chosen_logp")).isEqualTo(whole);
    }

    @Test
    void infoInspectAndPlanSayHowWeightsAreKept() throws IOException {
        assertThat(run("info", "--model", packed.toString(), "--threads", "1")).as(err).isZero();
        assertThat(out).containsPattern("linear maps +NF4, double quantisation: 4.127 bits a weight");
        assertThat(run("inspect", "--model", BASE, "--data", PAIRS, "--quantize", "int8")).as(err).isZero();
        assertThat(out).containsPattern("linear maps +int8 +int8 with a scale a row");
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, "recipe: dpo\nout: " + temp.resolve("out") + "\nthreads: 1\nmodel: {path: " + packed + "}\nadapter: {rank: 4}\ndata: {train: [" + PAIRS + "]}\n");
        assertThat(run("plan", yaml.toString())).as(err).isZero();
        assertThat(out).contains("base weights (nf4)");
        assertThat(run("plan", yaml.toString(), "model.path=" + BASE)).as(err).isZero();
        assertThat(out).doesNotContain("(nf4)").contains("model.quantize=nf4");
    }

    @Test
    void theReferenceAloneMayBePacked() throws IOException {
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, "recipe: dpo\nout: " + temp.resolve("out") + "\nthreads: 1\nmodel: {path: " + BASE + "}\nreference: {path: " + packed
                + "}\ndata: {train: [" + PAIRS + "]}\n");
        for (String adapter : List.of("adapter.rank=0", "adapter.rank=4")) {
            assertThat(run("plan", yaml.toString(), adapter)).as(err).isZero();
            assertThat(out).contains("reference weights").doesNotContain("reference.offload");
        }
        // A packed policy's reference may be whole, and then lie in host memory.
        assertThat(run("plan", yaml.toString(), "adapter.rank=4", "model.path=" + packed, "reference.path=" + BASE, "reference.offload=true")).as(err).isZero();
    }

    @Test
    void whatDoesNotGoIsToldInOneLineWithItsStatus() throws IOException {
        assertFails(2, "packed as nf4, and int8 is asked for", "score", "--model", packed.toString(), "--data", PAIRS, "--quantize", "int8");
        assertFails(2, "--quantize is int4; expected none, nf4 or int8", "score", "--model", BASE, "--data", PAIRS, "--quantize", "int4");
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, "recipe: dpo\nout: " + temp.resolve("out") + "\nmodel: {path: " + packed + "}\ndata: {train: [" + PAIRS + "]}\n");
        assertFails(2, "packed weights are not trained themselves", "train", yaml.toString());
        assertThat(temp.resolve("out")).doesNotExist();
        ObjectNode config = (ObjectNode) Json.read(packed.resolve("config.json"));
        ((ObjectNode) config.get("quantization_config")).put("bnb_4bit_quant_type", "fp4");
        Files.writeString(packed.resolve("config.json"), Json.write(config));
        assertFails(3, "quantised as fp4", "score", "--model", packed.toString(), "--data", PAIRS);
    }
}
