package org.metaapo.model;

import org.metaapo.engine.Head;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

class ModelFolderTest {
    /** A tied one-layer Qwen3 of hidden size 8, to follow an opened brace. */
    private static final String SMALL =
            """
            "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "vocab_size": 11, "hidden_size": 8,
             "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
             "head_dim": 6, "tie_word_embeddings": true}
            """;

    @TempDir
    private Path temp;

    @Test
    void readsAnUntiedLlamaWithATransformers5Config() {
        try (ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-llama"))) {
            ModelConfig config = folder.config();
            assertThat(config.modelType()).isEqualTo("llama");
            assertThat(config.rope()).isEqualTo(new RopeConfig(RopeConfig.Type.LLAMA3, 500_000, 8, 1, 4, 64));
            assertThat(List.of(config.layers(), config.heads(), config.kvHeads(), config.headDim()))
                    .containsExactly(3, 4, 2, 16);
            assertThat(config.rmsNormEps()).isEqualTo(1e-5);
            assertThat(config.tiedHead()).isFalse();
            assertThat(config.head()).isEqualTo(Head.LM);
            assertThat(config.windows()).containsExactly(0, 0, 0);
            assertThat(config.padTokenId()).hasValue(481);
            assertThat(folder.stopIds()).containsExactly(484);
            assertThat(folder.tensors()).hasSize(30);
            assertThat(folder.map("lm_head.weight").remaining()).isEqualTo(485 * 64 * 4);
        }
    }

    @Test
    void readsATiedShardedQwenWithATransformers4Config() {
        try (ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-qwen2"))) {
            ModelConfig config = folder.config();
            assertThat(config.rope()).isEqualTo(RopeConfig.unscaled(1e6));
            assertThat(config.tiedHead()).isTrue();
            assertThat(config.qkvBias()).isTrue();
            assertThat(config.outputBias()).isFalse();
            assertThat(config.windows()).containsExactly(0, 0);
            assertThat(config.bosTokenId()).isEqualTo(-1);
            assertThat(config.eosTokenIds()).containsExactly(482);
            assertThat(config.headDim()).isEqualTo(16);
            assertThat(config.parameters()).isEqualTo(75_040);
            assertThat(folder.expectedTensors()).doesNotContainKey("lm_head.weight");
            assertThat(folder.tensor("model.layers.1.self_attn.k_proj.bias").shape()).containsExactly(16);
        }
    }

    @Test
    void readsARewardModelWithOneLabel() {
        try (ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-rm"))) {
            assertThat(folder.config().head()).isEqualTo(Head.VALUE);
            assertThat(folder.tensor("score.weight").shape()).containsExactly(1, 64);
        }
    }

    @Test
    void absentTensorsExtraTensorsAndWrongShapesAreNamed() {
        assertThatThrownBy(() -> ModelFolder.open(folderWith(specs -> specs.remove("model.norm.weight"))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("1 tensor is missing")
                .hasMessageContaining("model.norm.weight");
        assertThatThrownBy(() -> ModelFolder.open(folderWith(specs -> add(specs, "model.extra", Dtype.F32, 3))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.extra");
        assertThatThrownBy(() -> ModelFolder.open(folderWith(specs -> add(specs, "model.norm.weight", Dtype.F32, 3))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("expected shape [8], found [3]");
        assertThatThrownBy(() -> ModelFolder.open(folderWith(specs -> add(specs, "model.norm.weight", Dtype.I32, 8))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("found I32");
    }

    @Test
    void rotaryBuffersAndACopyOfATiedHeadAreAccepted() {
        ModelFolder.open(folderWith(specs -> {
                    add(specs, "model.layers.0.self_attn.rotary_emb.inv_freq", Dtype.F32, 2);
                    add(specs, "lm_head.weight", Dtype.BF16, 11, 8);
                }))
                .close();
        assertThatThrownBy(() -> ModelFolder.open(folderWith(specs -> add(specs, "lm_head.weight", Dtype.F32, 8, 11))))
                .hasMessageContaining("lm_head.weight");
    }

    /** transformers 5 keeps both where their values differ; what is written says so to transformers 4 too. */
    @Test
    void aHeadStoredBesideATiedEmbeddingIsKeptWhereItDiffers() throws IOException {
        for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16)) {
            Path folder = folderWith(specs -> add(specs, "lm_head.weight", dtype, 11, 8));
            assertThat(ModelFolder.readConfig(folder).tiedHead()).isTrue();
            try (ModelFolder equal = ModelFolder.open(folder)) {
                assertThat(equal.config().tiedHead()).isTrue();
                assertThat(equal.expectedTensors()).doesNotContainKey("lm_head.weight");
            }
            try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
                    FileChannel channel = FileChannel.open(folder.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
                TensorInfo head = file.tensors().get("lm_head.weight");
                // The last number's upper byte.
                channel.write(ByteBuffer.wrap(new byte[] {0x3f}), head.offset() + head.bytes() - 1);
            }
            try (ModelFolder other = ModelFolder.open(folder)) {
                assertThat(other.config().tiedHead()).isFalse();
                assertThat(other.expectedTensors()).containsKey("lm_head.weight");
                Path target = temp.resolve("written" + dtype);
                ModelWriter.write(target, other, other.config(), other.path(), Dtype.F32, source(other));
                try (ModelFolder written = ModelFolder.open(target)) {
                    assertThat(written.config()).isEqualTo(other.config());
                    assertThat(written.configJson().path("tie_word_embeddings").asBoolean(true)).isFalse();
                }
            }
        }
    }

    @Test
    void labelsAreCountedFromTheScoreTensor() throws IOException {
        Path folder = temp.resolve("labels");
        Path file = folder.resolve("model.safetensors");
        Files.createDirectory(folder);
        for (String keys : List.of("", "\"num_labels\": 3,", "\"id2label\": {\"0\": \"a\", \"1\": \"b\"},")) {
            Files.writeString(folder.resolve("config.json"), "{" + keys + SMALL.replace("ForCausalLM", "ForSequenceClassification"));
            Map<String, TensorSpec> specs = new java.util.LinkedHashMap<>();
            ModelFolder.readConfig(folder).expectedTensors()
                    .forEach((name, shape) -> specs.put(name, new TensorSpec(name, Dtype.F32, shape)));
            SafetensorsWriter.write(file, new ArrayList<>(specs.values()), Map.of(), (spec, offset, chunk) -> {});
            Path target = temp.resolve("written");
            try (ModelFolder model = ModelFolder.open(folder)) {
                ModelWriter.write(target, model, model.config(), model.path(), Dtype.F32, source(model));
                try (ModelFolder written = ModelFolder.open(target)) {
                    assertThat(written.configJson().path("id2label")).hasSize(1);  // transformers would else make two
                }
            }
            add(specs, "score.weight", Dtype.F32, 2, 8);
            SafetensorsWriter.write(file, new ArrayList<>(specs.values()), Map.of(), (spec, offset, chunk) -> {});
            assertThatThrownBy(() -> ModelFolder.open(folder))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("score.weight has 2 rows, one for each label; expected 1");
        }
    }

    /** Whatever a file has, transformers 4 finds its keys and transformers 5 its own. */
    @Test
    void rotaryKeysAreWrittenForBothTransformers() throws IOException {
        String llama3 = "\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
                + "\"original_max_position_embeddings\":64";
        for (String rope : List.of(
                "\"rope_theta\":1e5,\"rope_scaling\":{" + llama3 + "}",
                "\"rope_parameters\":{\"rope_theta\":1e5," + llama3 + "}",
                "\"rope_parameters\":{\"rope_theta\":1e5,\"rope_type\":\"default\"}",
                "\"rope_theta\":1e5")) {
            Path folder = folderWith(specs -> {});
            Files.writeString(folder.resolve("config.json"), "{" + rope + "," + SMALL);
            Path target = temp.resolve("rope");
            try (ModelFolder model = ModelFolder.open(folder)) {
                ModelWriter.write(target, model, model.config(), model.path(), Dtype.F32, source(model));
                try (ModelFolder written = ModelFolder.open(target)) {
                    boolean scaled = rope.contains("llama3");
                    var json = written.configJson();
                    assertThat(json.path("rope_theta").doubleValue()).isEqualTo(1e5);
                    assertThat(json.path("rope_scaling"))
                            .isEqualTo(scaled ? Json.parse("{" + llama3 + "}", "") : NullNode.getInstance());
                    assertThat(json.path("rope_parameters")).isEqualTo(Json.parse(
                            "{\"rope_theta\":1e5," + (scaled ? llama3 : "\"rope_type\":\"default\"") + "}", ""));
                    assertThat(written.config()).isEqualTo(model.config());
                }
            }
        }
    }

    @Test
    void shardNamesArePlainFileNamesAndTheIndexAgreesWithTheShards() throws IOException {
        for (String name : List.of("../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", "", "x.bin")) {
            assertThatThrownBy(() -> ModelFolder.open(shardedWith("\"" + name + "\"")))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("plain file name");
        }
        assertThatThrownBy(() -> ModelFolder.open(shardedWith("7"))).hasMessageContaining("found number 7");
        assertThatThrownBy(() -> ModelFolder.open(shardedWith("\"model-00001-of-00005.safetensors\"")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.norm.weight: expected in model-00001");
        assertThatThrownBy(() -> ModelFolder.open(shardedWith("\"gone.safetensors\"")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such file");
    }

    @Test
    void aFolderThatIsNoModelIsNamedWithWhatIsMissing() throws IOException {
        assertThatThrownBy(() -> ModelFolder.open(temp.resolve("none"))).hasMessageContaining("found nothing");
        assertThatThrownBy(() -> ModelFolder.open(temp)).hasMessageContaining("config.json is missing");
        Files.writeString(temp.resolve("adapter_config.json"), "{}");
        assertThatThrownBy(() -> ModelFolder.open(temp)).hasMessageContaining("LoRA");
        Files.copy(Fixtures.path("tiny-rm/config.json"), temp.resolve("config.json"));
        assertThatThrownBy(() -> ModelFolder.open(temp)).isInstanceOf(DataException.class).hasMessageContaining("LoRA");
        Files.delete(temp.resolve("adapter_config.json"));
        assertThatThrownBy(() -> ModelFolder.open(temp))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.safetensors.index.json");
    }

    @Test
    void whatIsWrittenHasTheSameTensorsAndTheSourcesOwnConfig() throws IOException {
        Path target = temp.resolve("out/model");
        try (ModelFolder source = ModelFolder.open(Fixtures.path("tiny-qwen2"))) {
            ModelWriter.write(target, source, source.config(), source.path(), Dtype.F32, source(source), 60_000);
            try (ModelFolder written = ModelFolder.open(target)) {
                assertThat(written.config()).isEqualTo(source.config());
                ObjectNode both = (ObjectNode) source.configJson();
                both.putObject("rope_parameters").put("rope_type", "default").put("rope_theta", 1e6);
                assertThat(written.configJson()).isEqualTo(both);
                assertThat(written.stopIds()).containsExactly(482);
                for (String name : source.expectedTensors().keySet()) {
                    assertThat(written.map(name)).isEqualTo(source.map(name));
                }
            }
            for (String name : List.of("tokenizer.json", "chat_template.jinja", "tokenizer_config.json")) {
                assertThat(target.resolve(name)).hasSameBinaryContentAs(source.path().resolve(name));
            }
        }
        assertThat(target.resolve("model.safetensors.index.json")).exists();
        assertThat(target).isDirectoryContaining("glob:**/model-00001-of-0000[2-9].safetensors");
        assertThat(target.resolve("model.safetensors")).doesNotExist();
    }

    @Test
    void anotherDtypeAndAnotherHeadAreToldInTheConfig() {
        Path target = temp.resolve("reward");
        try (ModelFolder source = ModelFolder.open(Fixtures.path("tiny-llama"))) {
            ModelConfig reward = source.config().withHead(Head.VALUE);
            ModelWriter.write(target, source, reward, source.path(), Dtype.BF16, (tensor, offset, chunk) -> {});
            try (ModelFolder written = ModelFolder.open(target)) {
                assertThat(written.config()).isEqualTo(reward);
                assertThat(written.configJson().path("dtype").asText()).isEqualTo("bfloat16");
                assertThat(written.configJson().has("torch_dtype")).isFalse();
                assertThat(written.configJson().path("architectures").path(0).asText())
                        .isEqualTo("LlamaForSequenceClassification");
                assertThat(written.tensor("score.weight").dtype()).isEqualTo(Dtype.BF16);
            }
            assertThat(target.resolve("generation_config.json")).doesNotExist();
            ModelConfig other = ModelFolder.readConfig(Fixtures.path("tiny-rm"));
            assertThatThrownBy(() -> ModelWriter.write(target, source, other, source.path(), Dtype.F32, source(source)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aModelMadeFromNothingReadsBackAsItsConfiguration() {
        List<ModelConfig> configs = List.of(
                ModelFolder.readConfig(Fixtures.path("tiny-llama")),
                ModelFolder.readConfig(Fixtures.path("tiny-rm")),
                ModelFolder.readConfig(Fixtures.path("tiny-qwen2")),
                ModelFolder.readConfig(Fixtures.path("tiny-qwen2-windows")),
                ModelFolder.readConfig(Fixtures.path("tiny-mistral-windows")));
        for (ModelConfig config : configs) {
            Path target = temp.resolve("made");
            ModelWriter.create(
                    target, config, Fixtures.path("tiny-llama"), Dtype.F32, (tensor, offset, chunk) -> {});
            try (ModelFolder made = ModelFolder.open(target)) {
                assertThat(made.config()).isEqualTo(config);
            }
            assertThat(target.resolve("tokenizer.json")).exists();
        }
    }

    private static org.metaapo.checkpoint.TensorSource source(ModelFolder folder) {
        return (tensor, offset, chunk) -> folder.read(tensor.name(), offset, chunk);
    }

    private Path shardedWith(String shardOfNorm) throws IOException {
        Path folder = Files.createTempDirectory(temp, "sharded");
        try (var files = Files.list(Fixtures.path("tiny-qwen2"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName().toString()));
            }
        }
        Path index = folder.resolve("model.safetensors.index.json");
        String text = Files.readString(index);
        String changed = text.replace(
                "\"model.norm.weight\": \"model-00005-of-00005.safetensors\"", "\"model.norm.weight\": " + shardOfNorm);
        assertThat(changed).isNotEqualTo(text);
        Files.writeString(index, changed);
        return folder;
    }

    /** A folder with this model, whose tensors are changed before they are written. */
    private Path folderWith(Consumer<Map<String, TensorSpec>> change) {
        try {
            Path folder = Files.createTempDirectory(temp, "model");
            Files.writeString(folder.resolve("config.json"), "{" + SMALL);
            Map<String, TensorSpec> specs = new java.util.LinkedHashMap<>();
            ModelFolder.readConfig(folder)
                    .expectedTensors()
                    .forEach((name, shape) -> specs.put(name, new TensorSpec(name, Dtype.F32, shape)));
            assertThat(specs).containsKeys("model.layers.0.self_attn.q_norm.weight");
            change.accept(specs);
            Path file = folder.resolve("model.safetensors");
            SafetensorsWriter.write(file, new ArrayList<>(specs.values()), Map.of(), (spec, offset, chunk) -> {});
            return folder;
        } catch (IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static void add(Map<String, TensorSpec> specs, String name, Dtype dtype, long... shape) {
        specs.put(name, new TensorSpec(name, dtype, shape));
    }

    @Test
    void aFileCutShortAfterOpeningIsADataError() throws IOException {
        Path folder = folderWith(specs -> {});
        try (ModelFolder model = ModelFolder.open(folder)) {
            TensorInfo tensor = model.tensor("model.norm.weight");
            try (FileChannel channel = FileChannel.open(folder.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
                channel.truncate(tensor.offset() + 1);
            }
            assertThatThrownBy(() -> model.read("model.norm.weight", 0, ByteBuffer.allocate(32)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("ends at byte");
        }
    }

    @Test
    void goldenWeightsOfTheSameModelHaveTheExpectedTensors() {
        try (ModelFolder model = ModelFolder.open(Fixtures.path("tiny-llama"));
                SafetensorsFile file = SafetensorsFile.open(Fixtures.path("tiny-llama/model.safetensors"))) {
            assertThat(model.expectedTensors().keySet()).isEqualTo(file.tensors().keySet());
        }
    }
}
