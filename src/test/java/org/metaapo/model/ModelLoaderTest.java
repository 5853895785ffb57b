package org.metaapo.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.metaapo.engine.AdamW;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TensorInfo;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

class ModelLoaderTest {
    @TempDir
    private Path temp;

    private static ByteBuffer direct(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Model create(Engine engine, ModelFolder folder, Dtype dtype) {
        return engine.createModel(ModelLoader.shape(folder.config()), dtype);
    }

    private static FloatBuffer masters(Trainer trainer, TensorInfo tensor) {
        FloatBuffer values = direct(4 * tensor.count()).asFloatBuffer();
        trainer.read(Trainer.State.MASTER, tensor, 0, values);
        return values.rewind();
    }

    private static ShortBuffer weights(Model model, TensorInfo tensor) {
        ByteBuffer values = direct(2 * tensor.count());
        model.read(tensor, 0, values, Dtype.BF16);
        return values.rewind().asShortBuffer();
    }

    /** A step then changes what is stored, not what bf16 had left of it; a reference of the same file has the policy's weights. */
    @Test
    void aWindowIsInForceWhereSequencesAreLonger() {
        ModelConfig config = ConfigReader.read(Path.of("config.json"), Json.parse(
                "{\"model_type\": \"mistral\", \"num_hidden_layers\": 1, \"sliding_window\": 64, \"max_position_embeddings\": 64}", "config"));
        assertThat(ModelLoader.shape(config).windows()).containsExactly(0);
        assertThat(ModelLoader.shape(config, 64).windows()).containsExactly(0);
        ModelShape longer = ModelLoader.shape(config, 65);
        assertThat(longer.windows()).containsExactly(64);
        assertThat(longer.maxPositions()).isEqualTo(65);
        assertThat(ModelLoader.shape(config, 10).maxPositions()).isEqualTo(64);
    }

    @Test
    void mastersOfBf16WeightsBeginWithAllThatTheFileHas() {
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-llama"));
                Model model = create(engine, folder, Dtype.BF16);
                Trainer trainer = model.trainer(new TrainerOptions(16, false));
                Model reference = ModelLoader.load(engine, folder, Dtype.BF16, Head.LM, 0)) {
            ModelLoader.load(model, trainer, folder, Head.LM, 0);
            for (TensorInfo tensor : model.tensors()) {
                FloatBuffer stored = folder.map(tensor.name()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
                assertThat(masters(trainer, tensor)).isEqualTo(stored);
                assertThat(weights(model, tensor)).isEqualTo(weights(reference, tensor));
            }
            trainer.step(new AdamW(0, 0.9, 0.95, 1e-8, 0, 1, 1));
            TensorInfo first = model.tensors().get(0);
            assertThat(masters(trainer, first))
                    .isEqualTo(folder.map(first.name()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
        }
    }

    /** Of a model whose head is stored beside a tied embedding, training changes each by itself, and both are written. */
    @ParameterizedTest
    @EnumSource(Dtype.class)
    void aHeadThatDiffersFromATiedEmbeddingIsTrainedAndWritten(Dtype dtype) throws IOException {
        Path copy = temp.resolve("said-to-be-tied");
        Files.createDirectory(copy);
        for (String name : new String[] {"model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
            Files.copy(Fixtures.path("tiny-llama").resolve(name), copy.resolve(name));
        }
        String config = Files.readString(Fixtures.path("tiny-llama/config.json"));
        Files.writeString(copy.resolve("config.json"), config.replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"));
        Path target = temp.resolve("written");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder folder = ModelFolder.open(copy);
                ModelFolder plain = ModelFolder.open(Fixtures.path("tiny-llama"));
                Model model = ModelLoader.load(engine, folder, dtype, Head.LM, 0)) {
            assertThat(ModelFolder.readConfig(copy).tiedHead()).isTrue();
            assertThat(model.tensors()).hasSize(plain.expectedTensors().size());
            ModelLoader.save(target, model, folder);
            try (ModelFolder written = ModelFolder.open(target)) {
                assertThat(written.config()).isEqualTo(plain.config());
                assertThat(written.map("lm_head.weight")).isNotEqualTo(written.map("model.embed_tokens.weight"));
            }
        }
    }
}
