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
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Commands with {@code --adapter}, and {@code metaapo merge}, beside PEFT's numbers. */
class AdapterCommandTest extends CommandTest {
    private static final String BASE = fixture("tiny-llama");
    private static final String PAIRS = fixture("pairs.jsonl");

    private List<JsonNode> lines(String... command) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of("--data", PAIRS, "--dtype", "f32", "--threads", "1", "--quiet"));
        assertThat(run(all.toArray(String[]::new))).as(err).isZero();
        return out.lines().map(line -> Json.parse(line, "stdout")).toList();
    }

    private static JsonNode golden(String name) {
        return Json.read(Fixtures.path("lora/" + name + ".golden.json"));
    }

    /** A copy of a fixture's folder with files of another beside. */
    private Path copy(String name, String other, String... files) throws IOException {
        Path folder = Files.createTempDirectory(temp, "copy");
        try (var own = Files.list(Fixtures.path(name))) {
            for (Path file : own.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        for (String file : files) {
            Files.copy(Fixtures.path(other).resolve(file), folder.resolve(file));
        }
        return folder;
    }

    private static void close(List<JsonNode> lines, String field, JsonNode expected, double tolerance) {
        assertThat(lines).hasSize(expected.size());
        for (int i = 0; i < lines.size(); i++) {
            assertThat(lines.get(i).path(field).asDouble()).as(field + " of row " + i).isCloseTo(expected.get(i).asDouble(), within(tolerance));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-all", "llama-rslora", "llama-qv"})
    @DisplayName("sglang#40835, vllm#10798: rsLoRA and patterns scale what score computes, and what merge writes")
    void scoreGivesPeftsLogProbs(String name) {
        String adapter = fixture("lora/" + name);
        Path merged = temp.resolve("merged-" + name);
        List<JsonNode> both = lines("score", "--model", BASE, "--adapter", adapter, "--reference", BASE);
        for (String side : List.of("chosen", "rejected")) {
            close(both, side + "_logp", golden(name).path("logp_sums_adapter_on").path(side), 2e-4);
            close(both, "ref_" + side + "_logp", golden(name).path("logp_sums_adapter_off").path(side), 2e-4);
        }
        assertThat(run("merge", "--model", BASE, "--adapter", adapter, "--out", merged.toString(), "--quiet")).as(err).isZero();
        List<JsonNode> one = lines("score", "--model", merged.toString());
        close(one, "chosen_logp", golden(name).path("logp_sums_adapter_on").path("chosen"), 3e-4);
    }

    @Test
    @DisplayName("sglang#40835, vllm#10798: one scale, said by alpha and rank or by patterns and a root, gives the same bits in every command and run")
    void patternsScaleEveryPath() throws IOException {
        String plain = fixture("lora/llama-all");
        Path patterned = copy("lora/llama-all", "tiny-llama");
        ObjectNode config = (ObjectNode) Json.read(patterned.resolve("adapter_config.json"));
        // 4 / √4 is 8 / 4; r and lora_alpha say nothing any more.
        config.put("r", 2).put("lora_alpha", 1000).put("use_rslora", true);
        for (String field : List.of("rank_pattern", "alpha_pattern")) {
            config.putObject(field).put("[qkv]_proj", 4).put("o_proj", 4).put("mlp.(gate|up)_proj", 4).put("down_proj", 4);
        }
        Files.writeString(patterned.resolve("adapter_config.json"), Json.write(config));
        for (String command : List.of("score", "generate")) {
            List<String> all = new ArrayList<>(List.of(command, "--model", BASE, "--adapter", patterned.toString()));
            all.addAll(command.equals("generate") ? List.of("--k", "2", "--max-new-tokens", "8") : List.of());
            List<JsonNode> found = lines(all.toArray(String[]::new));
            all.set(4, plain);
            assertThat(found).isEqualTo(lines(all.toArray(String[]::new)));
        }
        for (String adapter : List.of(plain, patterned.toString())) {
            Path out = temp.resolve("of-" + Path.of(adapter).getFileName());
            assertThat(run("merge", "--model", BASE, "--adapter", adapter, "--out", out.resolve("merged").toString(), "--quiet")).as(err).isZero();
            Path yaml = write("run.yaml", "recipe: dpo\nout: " + out.resolve("run") + "\nmodel: {path: " + BASE + "}\nadapter: {path: " + adapter
                    + "}\ndtype: f32\nthreads: 1\ndata: {train: [" + PAIRS + "]}\ntrain: {batch: 4}\n");
            assertThat(run("train", yaml.toString(), "--quiet")).as(err).isZero();
        }
        for (String file : List.of("merged/model.safetensors", "run/adapter/adapter_model.safetensors")) {
            assertThat(temp.resolve("of-" + patterned.getFileName()).resolve(file)).hasSameBinaryContentAs(temp.resolve("of-llama-all").resolve(file));
        }
    }

    @Test
    void generateWritesPeftsAnswers() {
        List<JsonNode> answers = lines("generate", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--greedy", "--k", "1", "--max-new-tokens", "24");
        JsonNode greedy = golden("llama-all").path("greedy");
        assertThat(greedy.size()).isPositive();
        for (int i = 0; i < greedy.size(); i++) {
            JsonNode expected = greedy.get(i).path("new_ids");
            JsonNode found = answers.get(i).path("tokens").get(0);
            assertThat(found.size()).isEqualTo(Math.min(24, expected.size()));
            for (int j = 0; j < found.size(); j++) {
                assertThat(found.get(j)).as("token " + j + " of answer " + i).isEqualTo(expected.get(j));
            }
        }
        assertThat(lines("generate", "--model", BASE, "--greedy", "--k", "1", "--max-new-tokens", "24")).isNotEqualTo(answers);
    }

    @Test
    @DisplayName("trl#1379, peft#577: a reward adapter's own head gives PEFT's rewards, over a language model, and merged")
    void rewardGivesPeftsRewards() {
        String adapter = fixture("lora/llama-reward");
        List<JsonNode> rewards = lines("reward", "--model", BASE, "--adapter", adapter);
        JsonNode expected = golden("llama-reward").path("scores_adapter_on");
        for (int i = 0; i < rewards.size(); i++) {
            assertThat(rewards.get(i).path("score_chosen").asDouble()).isCloseTo(expected.get(2 * i).asDouble(), within(2e-5));
            assertThat(rewards.get(i).path("score_rejected").asDouble()).isCloseTo(expected.get(2 * i + 1).asDouble(), within(2e-5));
        }
        Path merged = temp.resolve("merged");
        assertThat(run("merge", "--model", BASE, "--adapter", adapter, "--out", merged.toString(), "--quiet")).as(err).isZero();
        assertThat(Json.read(merged.resolve("config.json")).path("architectures").get(0).asText()).isEqualTo("LlamaForSequenceClassification");
        List<JsonNode> one = lines("reward", "--model", merged.toString());
        for (int i = 0; i < rewards.size(); i++) {
            assertThat(one.get(i).path("score_chosen").asDouble()).isCloseTo(rewards.get(i).path("score_chosen").asDouble(), within(2e-5));
        }
        assertThat(lines("reward", "--reward", "adapter=" + adapter, "--reward", "path=" + BASE)).isEqualTo(rewards);
    }

    @Test
    @DisplayName("A tokenizer and a template beside the adapter are the adapter's, in every command and in what merge writes")
    void theAdaptersOwnTokenizerCounts() throws IOException {
        String[] files = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"};
        Path adapter = copy("lora/llama-reward", "tiny-llama", files);
        String template = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
        Files.writeString(adapter.resolve("chat_template.jinja"), template);
        List<JsonNode> own = lines("reward", "--model", BASE, "--adapter", adapter.toString());
        assertThat(own).isNotEqualTo(lines("reward", "--model", BASE, "--adapter", fixture("lora/llama-reward")));
        Path merged = temp.resolve("merged");
        assertThat(run("merge", "--model", BASE, "--adapter", adapter.toString(), "--out", merged.toString(), "--quiet")).as(err).isZero();
        assertThat(merged.resolve("chat_template.jinja")).hasContent(template);
        List<JsonNode> one = lines("reward", "--model", merged.toString());
        for (int i = 0; i < own.size(); i++) {
            assertThat(one.get(i).path("score_chosen").asDouble()).isCloseTo(own.get(i).path("score_chosen").asDouble(), within(2e-5));
        }
        Path policy = copy("lora/llama-all", "tiny-llama", files);
        Files.writeString(policy.resolve("chat_template.jinja"), template);
        assertThat(run("inspect", "--model", BASE, "--adapter", policy.toString(), "--data", PAIRS, "--rows", "0", "--out", "-")).as(err).isZero();
        assertThat(Json.parse(out.lines().findFirst().orElseThrow(), "stdout").path("prompt_text").asText()).startsWith("user: ");
        Files.delete(policy.resolve("tokenizer.json"));
        assertFails(3, "tokenizer_config.json is there and tokenizer.json is not", "score", "--model", BASE, "--adapter", policy.toString(), "--data", PAIRS);
    }

    @Test
    void inspectScoresWithTheAdapter() {
        assertThat(run("inspect", "--model", BASE, "--data", PAIRS, "--step0", "8", "--dtype", "f32", "--rows", "0", "--quiet")).as(err).isZero();
        String without = out;
        assertThat(run("inspect", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--data", PAIRS, "--step0", "8", "--dtype", "f32", "--rows", "0", "--quiet")).as(err).isZero();
        assertThat(out).isNotEqualTo(without).contains("0.693147");
    }

    @Test
    @DisplayName("plan, inspect and info name the base, the adapter, what is trained and how many weights")
    void whatIsTrainedIsNamed() throws IOException {
        Path yaml = write("run.yaml", "recipe: metaapo\nout: " + temp.resolve("r") + "\nmodel: {path: " + BASE + "}\nreward: {path: " + fixture("tiny-rm")
                + "}\nadapter: {rank: 4, targets: [q_proj, v_proj]}\ndtype: f32\ndata: {train: [" + PAIRS + "], max_length: 256, max_prompt_length: 128}\n"
                + "rollout: {max_new_tokens: 8}\n");
        assertThat(run("plan", yaml.toString(), "--quiet")).as(err).isZero();
        // Three layers of 4·(64 + 64) and 4·(64 + 32).
        assertThat(out).containsPattern("trained +2,688\n").contains("base weights", "adapter weights (f32)", "gradients (f32)", "moments (f32)", "activations kept",
                "generation, with its cache", "merged copy to sample from", "together");
        assertThat(run("plan", yaml.toString(), "rollout.merge=false", "--quiet")).as(err).isZero();
        assertThat(out).doesNotContain("merged copy");
        assertThat(run("inspect", "--config", yaml.toString(), "--rows", "0", "--quiet")).as(err).isZero();
        assertThat(out).containsPattern("trained by the run +2,688  a fresh adapter, rank 4 on q_proj, v_proj of 3 layers");
        assertThat(run("inspect", "--model", BASE, "--adapter", fixture("lora/llama-qv"), "--data", PAIRS, "--rows", "0", "--quiet")).as(err).isZero();
        assertThat(out).containsPattern("adapter's weights +2,688  .*llama-qv, rank 4 on q_proj, v_proj");
        assertThat(run("info", "--config", yaml.toString(), "--model", BASE, "--adapter", fixture("lora/llama-reward"))).as(err).isZero();
        assertThat(out).containsPattern("trained +a fresh adapter, rank 4 on q_proj, v_proj of 3 layers \\(6 linear maps\\): 2,688 weights beside the model's ")
                .containsPattern("adapter +.*llama-reward, rank 4 on .* and a score head: ").contains("LlamaForCausalLM");
        assertFails(2, "--adapter is given, and no --model", "info", "--adapter", fixture("lora/llama-qv"));
        assertFails(3, "with a base of", "info", "--model", fixture("tiny-qwen2"), "--adapter", fixture("lora/llama-qv"));
    }

    @Test
    void theMergedFolderIsAnOrdinaryOne() throws IOException {
        Path merged = temp.resolve("merged");
        assertThat(run("merge", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--out", merged.toString(), "--dtype", "bf16")).as(err).isZero();
        assertThat(err).contains("merged in bf16: " + merged);
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")) {
            assertThat(merged.resolve(name)).hasSameBinaryContentAs(Fixtures.path("tiny-llama").resolve(name));
        }
        assertThat(Json.read(merged.resolve("config.json")).path("dtype").asText()).isEqualTo("bfloat16");
        assertThat(merged.resolve("adapter_config.json")).doesNotExist();
        assertFails(2, "--out " + merged + ": is there already", "merge", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--out", merged.toString());
        assertFails(2, "--out is -, which is standard output; merge makes a folder", "merge", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--out", "-");
    }

    @Test
    @DisplayName("peft#2777, transformers#45127: a tied head stays tied through merge, save and load")
    void aTiedHeadSurvivesTheMerge() throws IOException {
        Path tied = copy("tiny-llama", "tiny-llama");
        tie(tied);
        Path merged = temp.resolve("merged");
        assertThat(run("merge", "--model", tied.toString(), "--adapter", fixture("lora/llama-all"), "--out", merged.toString(), "--quiet")).as(err).isZero();
        assertThat(Json.read(merged.resolve("config.json")).path("tie_word_embeddings").asBoolean()).isTrue();
        try (var file = org.metaapo.checkpoint.SafetensorsFile.open(merged.resolve("model.safetensors"));
                var before = org.metaapo.checkpoint.SafetensorsFile.open(tied.resolve("model.safetensors"))) {
            assertThat(file.tensors()).doesNotContainKey("lm_head.weight");
            assertThat(file.map("model.embed_tokens.weight")).isEqualTo(before.map("model.embed_tokens.weight"));
        }
        List<JsonNode> unmerged = lines("score", "--model", tied.toString(), "--adapter", fixture("lora/llama-all"));
        List<JsonNode> one = lines("score", "--model", merged.toString());
        for (int i = 0; i < one.size(); i++) {
            assertThat(one.get(i).path("chosen_logp").asDouble()).isCloseTo(unmerged.get(i).path("chosen_logp").asDouble(), within(2e-4));
        }
    }

    /** Has a folder's model use its embedding as its head. */
    private static void tie(Path folder) throws IOException {
        ObjectNode config = (ObjectNode) Json.read(folder.resolve("config.json"));
        Files.writeString(folder.resolve("config.json"), Json.write(config.put("tie_word_embeddings", true)));
        Path file = folder.resolve("model.safetensors");
        Path whole = folder.resolve("whole");
        Files.move(file, whole);
        try (var all = org.metaapo.checkpoint.SafetensorsFile.open(whole)) {
            List<org.metaapo.checkpoint.TensorSpec> specs = all.tensors().entrySet().stream().filter(entry -> !entry.getKey().equals("lm_head.weight"))
                    .map(entry -> new org.metaapo.checkpoint.TensorSpec(entry.getKey(), entry.getValue().dtype(), entry.getValue().shape())).toList();
            org.metaapo.checkpoint.SafetensorsWriter.write(file, specs, java.util.Map.of("format", "pt"),
                    (spec, offset, chunk) -> all.read(spec.name(), offset, chunk));
        }
        Files.delete(whole);
    }

    @Test
    void whatDoesNotFitIsToldInOneLine() throws IOException {
        String reward = fixture("lora/llama-reward");
        assertFails(3, reward + ": the adapter is a reward model's, expected a language model's", "score", "--model", BASE, "--adapter", reward, "--data", PAIRS);
        assertFails(3, "the adapter is a reward model's", "generate", "--model", BASE, "--adapter", reward, "--data", PAIRS);
        assertFails(3, "the adapter is a language model's, expected a reward model's", "reward", "--model", BASE, "--adapter", fixture("lora/llama-all"), "--data", PAIRS);
        assertFails(3, "the adapter has no score head, and its base", "reward", "--model", fixture("tiny-rm"), "--adapter", fitting("tiny-rm").toString(), "--data", PAIRS);
        assertFails(3, "give its base here", "score", "--model", fixture("lora/llama-all"), "--adapter", fixture("lora/llama-all"), "--data", PAIRS);
        assertFails(3, "adapter_config.json is missing", "merge", "--model", BASE, "--adapter", BASE, "--out", temp.resolve("m").toString());
        assertFails(2, "reward.adapter is set, and nothing says over which model", "reward", "--reward", "adapter=" + reward, "--reward", "overlong=cut", "--data", PAIRS);
        assertThat(temp.resolve("m")).doesNotExist();
        for (String command : List.of("score", "generate", "reward")) {
            assertFails(2, "--adapter", command, "--model", BASE, "--adapter", fixture("lora/llama-all"), "--adapter", fixture("lora/llama-qv"), "--data", PAIRS);
        }
    }

    /** A language model's adapter with the shapes of another model. */
    private Path fitting(String name) throws IOException {
        Path run = temp.resolve("fitting");
        Path yaml = write("fitting.yaml", "recipe: reward-model\nout: " + run + "\nmodel: {path: " + fixture(name) + "}\nadapter: {rank: 2, targets: [q_proj]}\n"
                + "dtype: f32\ndata: {train: [" + PAIRS + "]}\n");
        assertThat(run("train", yaml.toString(), "--quiet")).as(err).isZero();
        Path folder = Files.createDirectory(temp.resolve("lm"));
        Path adapter = run.resolve("adapter");
        ObjectNode config = (ObjectNode) Json.read(adapter.resolve("adapter_config.json"));
        Files.writeString(folder.resolve("adapter_config.json"), Json.write(config.put("task_type", "CAUSAL_LM").putNull("modules_to_save")));
        try (var all = org.metaapo.checkpoint.SafetensorsFile.open(adapter.resolve("adapter_model.safetensors"))) {
            List<org.metaapo.checkpoint.TensorSpec> specs = all.tensors().entrySet().stream().filter(entry -> !entry.getKey().endsWith("score.weight"))
                    .map(entry -> new org.metaapo.checkpoint.TensorSpec(entry.getKey(), entry.getValue().dtype(), entry.getValue().shape())).toList();
            org.metaapo.checkpoint.SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), specs, java.util.Map.of(),
                    (spec, offset, chunk) -> all.read(spec.name(), offset, chunk));
        }
        return folder;
    }
}
