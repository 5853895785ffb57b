package org.metaapo.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;

/** Adapter folders: what was written comes back, and what does not fit its base is told apart. */
class AdapterFolderTest {
    private static final ModelConfig BASE = ModelFolder.readConfig(Fixtures.path("tiny-llama"));

    @TempDir
    private Path folder;

    private AdapterConfig config;

    @BeforeEach
    void write() throws IOException {
        config = new AdapterConfig(
                4, 6.5, 0.05, true, Modules.of(List.of("q_proj", "down_proj")), new Modules(null, ".*layers\\.2\\..*"), Set.of(0, 1), List.of("layers"),
                Map.of("down_proj", 2), Map.of("q_proj", 12.0), List.of("score"), Adapter.Init.GAUSSIAN, Head.VALUE, "some/base");
        AdapterFolder.write(folder, config, BASE, (tensor, offset, chunk) -> {
            while (chunk.remaining() >= 4) {
                chunk.putFloat(tensor.name().length() + offset);
            }
        });
    }

    private static void tensors(Path folder, Map<String, long[]> shapes, Dtype dtype) {
        List<TensorSpec> specs = new ArrayList<>();
        shapes.forEach((name, shape) -> specs.add(new TensorSpec("base_model.model." + name, dtype, shape)));
        SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), specs, Map.of(), (tensor, offset, chunk) -> { });
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> AdapterFolder.open(folder, BASE, 0)).isInstanceOf(DataException.class).hasMessageContainingAll(parts);
    }

    @Test
    void whatIsWrittenComesBack() {
        try (AdapterFolder read = AdapterFolder.open(folder, BASE, 0)) {
            assertThat(read.config()).isEqualTo(config);
            ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            String name = "model.layers.1.mlp.down_proj.lora_A.weight";
            assertThat(read.tensor(name).shape()).containsExactly(2, 176);
            read.read(name, 0, buffer);
            assertThat(buffer.getFloat(4)).isEqualTo(name.length());
            assertThat(read.tensor("score.weight").shape()).containsExactly(1, 64);
        }
    }

    @Test
    void allLinearIsWrittenAsNames() throws IOException {
        AdapterConfig all = new AdapterConfig(
                2, 4, 0, false, new Modules(null, Modules.ALL_LINEAR), Modules.none(), Set.of(), List.of(), Map.of(), Map.of(), List.of(),
                Adapter.Init.UNIFORM, Head.LM, null);
        AdapterFolder.write(folder, all, BASE, (tensor, offset, chunk) -> { });
        assertThat(AdapterFolder.readConfig(folder).targets().names()).contains("q_proj", "down_proj").hasSize(7);
    }

    @Test
    void refusesAnotherBase() {
        ModelConfig other = ModelFolder.readConfig(Fixtures.path("tiny-qwen2"));
        assertThatThrownBy(() -> AdapterFolder.open(folder, other, 0)).isInstanceOf(DataException.class);
    }

    @Test
    void refusesMissingForeignAndMisshapenTensors() {
        Map<String, long[]> shapes = new java.util.LinkedHashMap<>(AdapterTensors.of(config.shape(BASE, 0), BASE));
        shapes.remove("score.weight");
        tensors(folder, shapes, Dtype.F32);
        refused("score.weight", "missing");
        shapes.put("score.weight", new long[] {1, 64});
        shapes.put("model.layers.0.self_attn.q_proj.lora_magnitude_vector", new long[] {64});
        tensors(folder, shapes, Dtype.F32);
        refused("lora_magnitude_vector", "knows nothing of");
        shapes.remove("model.layers.0.self_attn.q_proj.lora_magnitude_vector");
        shapes.put("score.weight", new long[] {2, 64});
        tensors(folder, shapes, Dtype.F32);
        refused("score.weight", "[1, 64]", "[2, 64]");
        shapes.put("score.weight", new long[] {1, 64});
        tensors(folder, shapes, Dtype.I32);
        refused("expected dtype F32, F16 or BF16, found I32");
    }

    @Test
    void refusesAPickleAndAWholeModel() throws IOException {
        Files.move(folder.resolve("adapter_model.safetensors"), folder.resolve("adapter_model.bin"));
        refused("adapter_model.safetensors is missing", "pickle");
        assertThatThrownBy(() -> AdapterFolder.readConfig(Fixtures.path("tiny-llama"))).hasMessageContaining("a whole model");
    }
}
