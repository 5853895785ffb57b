package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Adapters that are wrong, or of another base: told alike by every command and key, in one line, before any work. */
class WrongAdapterTest extends CommandTest {
    private static final String BASE = fixture("tiny-llama");
    private static final String PAIRS = fixture("pairs.jsonl");
    private static final String PREFIX = "base_model.model.";
    private static final String Q = PREFIX + "model.layers.0.self_attn.q_proj";

    /** A copy of a policy's adapter with another configuration. */
    private Path configured(Consumer<ObjectNode> change) throws IOException {
        Path folder = Files.createTempDirectory(temp, "adapter");
        ObjectNode config = (ObjectNode) Json.read(Fixtures.path("lora/llama-all").resolve("adapter_config.json"));
        change.accept(config);
        Files.writeString(folder.resolve("adapter_config.json"), Json.write(config));
        Files.copy(Fixtures.path("lora/llama-all").resolve("adapter_model.safetensors"), folder.resolve("adapter_model.safetensors"));
        return folder;
    }

    /** A copy of a policy's adapter with other tensors; those that are new are ones. */
    private Path stored(Consumer<Map<String, long[]>> change) throws IOException {
        Path folder = configured(config -> { });
        Path file = folder.resolve("adapter_model.safetensors");
        Map<String, long[]> shapes = new LinkedHashMap<>();
        try (SafetensorsFile source = SafetensorsFile.open(Fixtures.path("lora/llama-all").resolve("adapter_model.safetensors"))) {
            source.tensors().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        }
        change.accept(shapes);
        List<TensorSpec> specs = new ArrayList<>();
        shapes.forEach((name, shape) -> specs.add(new TensorSpec(name, Dtype.F32, shape)));
        Files.delete(file);
        SafetensorsWriter.write(file, specs, Map.of("format", "pt"), (spec, offset, chunk) -> {
            while (chunk.hasRemaining()) {
                chunk.putFloat(1);
            }
        });
        return folder;
    }

    /** Each way to give an adapter. */
    private void refusedEverywhere(Path adapter, String words) throws IOException {
        refusedOver(BASE, adapter, words);
    }

    private void refusedOver(String base, Path adapter, String words) throws IOException {
        String given = adapter.toString();
        for (String command : List.of("score", "generate", "reward", "inspect")) {
            assertFails(3, words, command, "--model", base, "--adapter", given, "--data", PAIRS, "--quiet");
        }
        assertFails(3, words, "info", "--model", base, "--adapter", given);
        assertFails(3, words, "merge", "--model", base, "--adapter", given, "--out", temp.resolve("merged").toString());
        assertFails(3, words, "train", config(base, "adapter: {path: " + given + "}", "recipe: dpo"));
        assertFails(3, words, "plan", config(base, "adapter: {path: " + given + "}", "recipe: dpo"));
        assertFails(3, words, "train", config(base, "reward: {adapter: " + given + "}", "recipe: online-dpo", "rollout: {max_new_tokens: 4}"));
        assertThat(temp.resolve("merged")).doesNotExist();
        assertThat(temp.resolve("run")).doesNotExist();
    }

    private String config(String base, String... lines) throws IOException {
        return write("run.yaml", String.join("\n", lines) + "\nout: " + temp.resolve("run") + "\nmodel: {path: " + base + "}\ndata: {train: [" + PAIRS + "]}\n")
                .toString();
    }

    @Test
    void ofAnotherBase() throws IOException {
        Path adapter = Fixtures.path("lora/llama-all");
        // Fewer layers, then other sizes under the same names.
        refusedOver(fixture("tiny-qwen2"), adapter, "with a base of 2 layers");
        Path wider = configured(config -> config.put("base_model_name_or_path", "elsewhere"));
        Path base = model(config -> config.put("intermediate_size", 160));
        refusedOver(base.toString(), wider, "mlp.gate_proj.lora_B.weight: expected shape [160, 4], found [176, 4]; the adapter is of another base or rank");
        Path hidden = stored(shapes -> shapes.put(Q + ".lora_A.weight", new long[] {4, 96}));
        refusedEverywhere(hidden, "self_attn.q_proj.lora_A.weight: expected shape [4, 64], found [4, 96]");
        Path keys = stored(shapes -> {
            for (String name : List.copyOf(shapes.keySet())) {
                shapes.put(name.replace(".model.layers.", ".transformer.h."), shapes.remove(name));
            }
        });
        refusedEverywhere(keys, "more tensors are missing that adapter_config.json asks for");
    }

    /** The model with another configuration and weights that fit it. */
    private Path model(Consumer<ObjectNode> change) throws IOException {
        Path folder = Files.createTempDirectory(temp, "model");
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.filter(file -> !file.endsWith("model.safetensors")).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        ObjectNode config = (ObjectNode) Json.read(folder.resolve("config.json"));
        change.accept(config);
        Files.writeString(folder.resolve("config.json"), Json.write(config));
        List<TensorSpec> specs = new ArrayList<>();
        org.metaapo.model.ModelFolder.readConfig(folder).expectedTensors().forEach((name, shape) -> specs.add(new TensorSpec(name, Dtype.F32, shape)));
        SafetensorsWriter.write(folder.resolve("model.safetensors"), specs, Map.of("format", "pt"), (spec, offset, chunk) -> chunk.position(chunk.limit()));
        return folder;
    }

    @ParameterizedTest
    @CsvSource({
        "model.layers.0.self_attn.q_proj.lora_B.bias", "model.layers.0.self_attn.q_proj.base_layer.bias", "model.layers.0.self_attn.q_proj.lora_magnitude_vector",
        "lm_head.weight", "lm_head.lora_A.weight", "model.embed_tokens.weight", "model.embed_tokens.lora_embedding_A", "score.weight",
        "model.embed_tokens.token_adapter.trainable_tokens_delta", "model.layers.0.self_attn.q_proj.lora_A.default.weight", "model.layers.3.self_attn.q_proj.lora_A.weight"
    })
    @DisplayName("peft#2115, vllm#34186: a tensor that the configuration knows nothing of")
    void foreignTensors(String name) throws IOException {
        Path adapter = stored(shapes -> shapes.put(PREFIX + name, new long[] {4, 64}));
        assertFails(3, PREFIX + name + " is there that adapter_config.json knows nothing of", "merge", "--model", BASE, "--adapter", adapter.toString(),
                "--out", temp.resolve("merged").toString());
        assertFails(3, PREFIX + name + " is there", "score", "--model", BASE, "--adapter", adapter.toString(), "--data", PAIRS);
    }

    @Test
    @DisplayName("peft#2115, vllm#34186: a tensor that the configuration asks for and the file has not")
    void missingTensors() throws IOException {
        refusedEverywhere(stored(shapes -> shapes.remove(Q + ".lora_B.weight")), Q + ".lora_B.weight is missing that adapter_config.json asks for");
    }

    @Test
    void anUnknownFieldThatSaysSomething() throws IOException {
        refusedEverywhere(configured(config -> config.put("a_field_of_tomorrow", 0.5)), "adapter_config.json: a_field_of_tomorrow: this field is not supported");
    }

    @Test
    void dora() throws IOException {
        refusedEverywhere(configured(config -> config.put("use_dora", true)), "use_dora: DoRA is not supported; merge the adapter with PEFT");
    }

    @Test
    void aPickle() throws IOException {
        Path adapter = configured(config -> { });
        Files.move(adapter.resolve("adapter_model.safetensors"), adapter.resolve("adapter_model.bin"));
        refusedEverywhere(adapter, "adapter_model.safetensors is missing: adapter_model.bin is a pickle");
    }

    @ParameterizedTest
    @CsvSource({"pissa", "pissa_niter_16", "olora", "corda", "loftq", "lora_ga", "mica"})
    void startsThatChangeTheBase(String init) throws IOException {
        Path adapter = configured(config -> config.put("init_lora_weights", init));
        assertFails(3, "init_lora_weights: \"" + init + "\" changes the base model's weights", "merge", "--model", BASE, "--adapter", adapter.toString(), "--out",
                temp.resolve("merged").toString());
        assertFails(3, "init_lora_weights", "score", "--model", BASE, "--adapter", adapter.toString(), "--data", PAIRS);
        assertFails(3, "init_lora_weights", "train", config(BASE, "adapter: {path: " + adapter + "}", "recipe: dpo"));
    }

    @Test
    @DisplayName("trl#6700: nothing to train")
    void zeroTrainableWeights() throws IOException {
        refusedEverywhere(configured(config -> config.putArray("target_modules").add("c_attn")), "the targets [c_attn] fit no linear map of the model");
        refusedEverywhere(configured(config -> config.putArray("exclude_modules").add("q_proj").add("k_proj").add("v_proj").add("o_proj").add("gate_proj")
                .add("up_proj").add("down_proj")), "fit no linear map of the model");
        assertFails(2, "c_attn", "train", config(BASE, "adapter: {rank: 4, targets: [c_attn]}", "recipe: dpo"));
    }

    @Test
    void aRankAboveADimension() throws IOException {
        refusedEverywhere(configured(config -> config.put("r", 65)), "rank 65 of model.layers.0.self_attn.q_proj is above the weight's smaller dimension, 64");
        assertFails(2, "adapter: rank 65 of", "train", config(BASE, "adapter: {rank: 65}", "recipe: dpo"));
    }

    @Test
    void anAlphaOfZero() throws IOException {
        refusedEverywhere(configured(config -> config.put("lora_alpha", 0)), "adapter_config.json: alpha of model.layers.0.self_attn.q_proj is 0");
    }

    @Test
    @DisplayName("Embeddings that PEFT saves whole after resize_token_embeddings, though the configuration does not name them")
    void embeddingsOfAddedTokens() throws IOException {
        refusedEverywhere(stored(shapes -> {
            shapes.put(PREFIX + "model.embed_tokens.weight", new long[] {487, 64});
            shapes.put(PREFIX + "lm_head.weight", new long[] {487, 64});
        }), "PEFT saves embeddings and head whole where tokens were added, which is not supported");
    }

    @Test
    @DisplayName("A folder of adapters with names of their own, as PEFT's save_pretrained writes those that are not called default")
    void aFolderOfNamedAdapters() throws IOException {
        Path folder = Files.createTempDirectory(temp, "named");
        Files.move(configured(config -> { }), folder.resolve("policy"));
        Files.move(configured(config -> { }), folder.resolve("ref"));
        refusedEverywhere(folder, "give an adapter's own folder: " + folder.resolve("policy") + " or " + folder.resolve("ref"));
    }

    @Test
    @DisplayName("A tokenizer beside the adapter with more tokens than its base: merged, no command would open it")
    void aTokenizerBeyondTheVocabulary() throws IOException {
        Path adapter = configured(config -> { });
        Path base = Fixtures.path("tiny-llama");
        Files.copy(base.resolve("tokenizer_config.json"), adapter.resolve("tokenizer_config.json"));
        ObjectNode tokenizer = (ObjectNode) Json.read(base.resolve("tokenizer.json"));
        ((ArrayNode) tokenizer.get("added_tokens")).addObject().put("id", 485).put("content", "bicycle").put("special", false)
                .put("single_word", false).put("lstrip", false).put("rstrip", false).put("normalized", true);
        Files.writeString(adapter.resolve("tokenizer.json"), Json.write(tokenizer));
        String words = adapter + ": the tokenizer has ids up to 485, the model's vocabulary 485 tokens";
        assertFails(3, words, "score", "--model", BASE, "--adapter", adapter.toString(), "--data", PAIRS);
        assertFails(3, words, "merge", "--model", BASE, "--adapter", adapter.toString(), "--out", temp.resolve("merged").toString());
        assertThat(temp.resolve("merged")).doesNotExist();
    }

    @Test
    void anAdapterOverAnAdapter() throws IOException {
        Path adapter = Fixtures.path("lora/llama-all");
        refusedOver(adapter.toString(), adapter, "says that this is an adapter of PEFT (LoRA), expected a whole model; give its base here");
    }

    @Test
    void whatIsNoAdapterFolder() throws IOException {
        refusedEverywhere(temp.resolve("none"), "expected an adapter folder as PEFT writes it, found nothing there");
        refusedEverywhere(Fixtures.path("lora/llama-all").resolve("adapter_model.safetensors"), "found a file; give the folder that it lies in");
        refusedEverywhere(Fixtures.path("tiny-qwen2"), "adapter_config.json is missing: expected an adapter folder as PEFT writes it, found a whole model");
        Path broken = configured(config -> { });
        Files.writeString(broken.resolve("adapter_config.json"), "[]");
        refusedEverywhere(broken, "adapter_config.json: expected an object");
        Files.writeString(broken.resolve("adapter_config.json"), "{\"peft_type\": \"IA3\"}");
        refusedEverywhere(broken, "peft_type: expected LORA, found IA3");
        Path cut = configured(config -> { });
        byte[] whole = Files.readAllBytes(cut.resolve("adapter_model.safetensors"));
        Files.write(cut.resolve("adapter_model.safetensors"), java.util.Arrays.copyOf(whole, whole.length - 4));
        refusedEverywhere(cut, "adapter_model.safetensors");
    }

    @Test
    void weightsThatAreNotFinite() throws IOException {
        Path adapter = configured(config -> { });
        Path file = adapter.resolve("adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 8, Float.NaN);
        Files.write(file, bytes);
        for (String command : List.of("score", "generate")) {
            assertFails(3, "the weights are damaged", command, "--model", BASE, "--adapter", adapter.toString(), "--data", PAIRS, "--quiet");
        }
        assertFails(3, "the weights are damaged", "merge", "--model", BASE, "--adapter", adapter.toString(), "--out", temp.resolve("merged").toString(), "--quiet");
        assertThat(temp.resolve("merged")).doesNotExist();
    }

    @Test
    void theLineOfAnErrorNamesTheFile() throws IOException {
        Path adapter = configured(config -> config.put("bias", "lora_only"));
        assertFails(3, adapter.resolve("adapter_config.json") + ": bias: expected \"none\"", "score", "--model", BASE, "--adapter", adapter.toString(), "--data", PAIRS);
        JsonNode kept = Json.read(adapter.resolve("adapter_config.json"));
        assertThat(kept.path("bias").asText()).isEqualTo("lora_only");
    }
}
