package org.metaapo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.TensorInfo;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Folders that bitsandbytes has packed: read, and refused where they are packed otherwise. */
class PackedFolderTest {
    private static final Path NF4 = Fixtures.path("lora/tiny-llama-nf4");
    private static final String DOWN = "model.layers.1.mlp.down_proj";
    private static final String STATE = DOWN + ".weight.quant_state.bitsandbytes__nf4";

    @TempDir
    Path temp;

    /** A tensor as it is stored. */
    private record Stored(Dtype dtype, long[] shape, byte[] bytes) {}

    private static Map<String, Stored> tensors(Path folder) {
        Map<String, Stored> tensors = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            file.tensors().forEach((name, info) -> {
                ByteBuffer bytes = ByteBuffer.allocate((int) info.bytes());
                file.read(name, 0, bytes);
                tensors.put(name, new Stored(info.dtype(), info.shape(), bytes.array()));
            });
        }
        return tensors;
    }

    /** A folder with the fixture's configuration and tensors, changed. */
    private Path folder(Consumer<ObjectNode> config, Consumer<Map<String, Stored>> change) throws IOException {
        Path folder = Files.createTempDirectory(temp, "model");
        ObjectNode json = (ObjectNode) Json.read(NF4.resolve("config.json"));
        config.accept(json);
        Files.writeString(folder.resolve("config.json"), Json.write(json));
        Map<String, Stored> tensors = tensors(NF4);
        change.accept(tensors);
        write(folder.resolve("model.safetensors"), tensors);
        return folder;
    }

    private static void write(Path file, Map<String, Stored> tensors) throws IOException {
        List<TensorSpec> specs = new ArrayList<>();
        tensors.forEach((name, tensor) -> specs.add(new TensorSpec(name, tensor.dtype, tensor.shape)));
        SafetensorsWriter.write(file, specs, Map.of(), (tensor, offset, chunk) -> {
            chunk.put(tensors.get(tensor.name()).bytes, (int) offset, chunk.remaining());
            chunk.flip();
        });
    }

    private static void quantization(ObjectNode config, String key, Object value) {
        ((ObjectNode) config.get("quantization_config")).set(key, Json.mapper().valueToTree(value));
    }

    private static UnaryOperator<String> replaced(String old, String now) {
        return text -> text.replace(old, now);
    }

    private void refused(Consumer<ObjectNode> config, Consumer<Map<String, Stored>> change, String... words) throws IOException {
        Path folder = folder(config, change);
        assertThatThrownBy(() -> {
            try (ModelFolder model = ModelFolder.open(folder);
                    Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
                ModelLoader.load(engine, model, org.metaapo.engine.Dtype.F32, Head.LM, 0).close();
            }
        }).isInstanceOf(DataException.class).hasMessageContainingAll(words);
    }

    private static float[] values(Model model, String name) {
        TensorInfo info = model.tensors().stream().filter(tensor -> tensor.name().equals(name)).findFirst().orElseThrow();
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) (4 * info.count())).order(ByteOrder.LITTLE_ENDIAN);
        model.read(info, 0, bytes, org.metaapo.engine.Dtype.F32);
        float[] values = new float[(int) info.count()];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    @Test
    void aFolderWithoutDoubleQuantisationHasTheSameWeightsWithItsScalesWrittenOut() throws IOException {
        // The scales of the fixture as they are by definition: map[absmax] nested + offset.
        Path plain = folder(config -> quantization(config, "bnb_4bit_use_double_quant", false), tensors -> {
            for (String name : tensors.keySet().stream().filter(name -> name.endsWith(".absmax")).toList()) {
                String weight = name.substring(0, name.length() - ".absmax".length());
                byte[] codes = tensors.get(name).bytes;
                ByteBuffer map = ByteBuffer.wrap(tensors.remove(weight + ".nested_quant_map").bytes).order(ByteOrder.LITTLE_ENDIAN);
                ByteBuffer nested = ByteBuffer.wrap(tensors.remove(weight + ".nested_absmax").bytes).order(ByteOrder.LITTLE_ENDIAN);
                String state = weight + ".quant_state.bitsandbytes__nf4";
                ObjectNode json = (ObjectNode) Json.parse(new String(tensors.get(state).bytes, StandardCharsets.UTF_8), "state");
                float offset = json.path("nested_offset").floatValue();
                ByteBuffer scales = ByteBuffer.allocate(4 * codes.length).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < codes.length; i++) {
                    float product = map.getFloat(4 * (codes[i] & 255)) * nested.getFloat(4 * (i / 256));
                    scales.putFloat(product + offset);
                }
                tensors.put(name, new Stored(Dtype.F32, new long[] {codes.length}, scales.array()));
                json.remove(List.of("nested_blocksize", "nested_dtype", "nested_offset"));
                byte[] text = Json.write(json).getBytes(StandardCharsets.UTF_8);
                tensors.put(state, new Stored(Dtype.U8, new long[] {text.length}, text));
            }
        });
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder one = ModelFolder.open(NF4);
                ModelFolder two = ModelFolder.open(plain)) {
            assertThat(one.config().quantization()).isEqualTo(Quantization.NF4);
            assertThat(two.config().quantization()).isEqualTo(Quantization.NF4_F32);
            try (Model nested = ModelLoader.load(engine, one, org.metaapo.engine.Dtype.F32, Head.LM, 0);
                    Model written = ModelLoader.load(engine, two, org.metaapo.engine.Dtype.F32, Head.LM, 0)) {
                for (String name : one.expectedTensors().keySet()) {
                    assertThat(values(written, name)).as(name).isEqualTo(values(nested, name));
                }
            }
        }
    }

    @Test
    void anInt8FolderHasItsRowsTimesTheirScales() throws IOException {
        Map<String, float[]> expected = new LinkedHashMap<>();
        Path folder = folder(config -> {
            quantization(config, "load_in_4bit", false);
            quantization(config, "load_in_8bit", true);
        }, tensors -> {
            tensors.keySet().removeIf(name -> name.contains(".weight."));
            try (ModelFolder model = ModelFolder.open(NF4)) {
                model.expectedTensors().forEach((name, shape) -> {
                    if (!PackedTensors.isProjection(name)) {
                        return;
                    }
                    byte[] codes = new byte[(int) (shape[0] * shape[1])];
                    ByteBuffer scales = ByteBuffer.allocate((int) (4 * shape[0])).order(ByteOrder.LITTLE_ENDIAN);
                    float[] values = new float[codes.length];
                    for (int i = 0; i < codes.length; i++) {
                        int row = i / (int) shape[1];
                        codes[i] = (byte) (i * 37 % 255 - 127);
                        float scale = 0.01f * (row + 1);
                        scales.putFloat(4 * row, scale);
                        values[i] = bf16(codes[i] * (scale * (1 / 127f)));
                    }
                    expected.put(name, values);
                    String module = name.replace(".weight", "");
                    tensors.put(name, new Stored(Dtype.I8, shape, codes));
                    tensors.put(module + ".SCB", new Stored(Dtype.F32, new long[] {shape[0]}, scales.array()));
                    tensors.put(module + ".weight_format", new Stored(Dtype.U8, new long[0], new byte[1]));
                });
            }
        });
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder model = ModelFolder.open(folder);
                Model loaded = ModelLoader.load(engine, model, org.metaapo.engine.Dtype.F32, Head.LM, 0)) {
            assertThat(loaded.quantization()).isEqualTo(Quantization.INT8);
            expected.forEach((name, values) -> assertThat(values(loaded, name)).as(name).isEqualTo(values));
        }
        Map<String, Stored> tensors = tensors(folder);
        tensors.put(DOWN + ".weight_format", new Stored(Dtype.U8, new long[0], new byte[] {1}));
        write(folder.resolve("model.safetensors"), tensors);
        assertThatThrownBy(() -> ModelFolder.open(folder)).isInstanceOf(DataException.class).hasMessageContaining(DOWN + ".weight_format");
    }

    /** Rounds to the nearest bf16, of two to the even one. */
    private static float bf16(float x) {
        int bits = Float.floatToRawIntBits(x);
        return Float.intBitsToFloat((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }

    /** What is packed as it is loaded takes all forms of stored weights, and errs by NF4's rounding alone. */
    @ParameterizedTest
    @CsvSource({"NF4, 0.12", "NF4_F32, 0.12", "INT8, 0.01"})
    void weightsArePackedAsTheyAreLoaded(Quantization quantization, double error) throws IOException {
        List<float[]> found = new ArrayList<>();
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder model = ModelFolder.open(Fixtures.path("tiny-llama"));
                Model whole = ModelLoader.load(engine, model, org.metaapo.engine.Dtype.F32, Head.LM, 0)) {
            for (Dtype stored : List.of(Dtype.F32, Dtype.BF16, Dtype.F16)) {
                Path folder = Files.createTempDirectory(temp, "stored");
                ModelLoader.save(folder.resolve("f32"), whole, model);
                Map<String, Stored> tensors = tensors(folder.resolve("f32"));
                tensors.replaceAll((name, tensor) -> stored == Dtype.F32 ? tensor : narrow(tensor, stored));
                write(folder.resolve("f32/model.safetensors"), tensors);
                try (ModelFolder source = ModelFolder.open(folder.resolve("f32"));
                        Model packed = ModelLoader.loadStored(
                                engine.createModel(ModelLoader.shape(source.config()), new ModelOptions(org.metaapo.engine.Dtype.F32, false, quantization)), source)) {
                    found.add(values(packed, DOWN + ".weight"));
                    assertThat(values(packed, "model.embed_tokens.weight").length).isEqualTo(values(whole, "model.embed_tokens.weight").length);
                }
            }
            float[] expected = values(whole, DOWN + ".weight");
            for (float[] values : found) {
                double squares = 0;
                double difference = 0;
                for (int i = 0; i < expected.length; i++) {
                    squares += Math.pow(expected[i], 2);
                    difference += Math.pow(expected[i] - values[i], 2);
                }
                assertThat(Math.sqrt(difference / squares)).isBetween(error / 10, error);
            }
        }
    }

    private static Stored narrow(Stored tensor, Dtype dtype) {
        ByteBuffer from = ByteBuffer.wrap(tensor.bytes).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer to = ByteBuffer.allocate(tensor.bytes.length / 2).order(ByteOrder.LITTLE_ENDIAN);
        while (from.hasRemaining()) {
            float x = from.getFloat();
            to.putShort(dtype == Dtype.BF16 ? (short) (Float.floatToRawIntBits(bf16(x)) >>> 16) : half(x));
        }
        return new Stored(dtype, tensor.shape, to.array());
    }

    /** A half near to x, below 65504 and cut off below 2^-14. */
    private static short half(float x) {
        int bits = Float.floatToRawIntBits(x);
        int exponent = (bits >>> 23 & 255) - 112;
        return (short) (exponent <= 0 ? 0 : (bits >>> 16 & 0x8000) | exponent << 10 | bits >>> 13 & 0x3ff);
    }

    @Test
    void whatIsPackedOtherwiseIsRefusedByName() throws IOException {
        Consumer<Map<String, Stored>> same = tensors -> {};
        Consumer<ObjectNode> plain = config -> {};
        refused(config -> quantization(config, "bnb_4bit_quant_type", "fp4"), same, "quantised as fp4", "nf4 or int8");
        for (String method : List.of("gptq", "awq", "fp8", "compressed-tensors", "hqq")) {
            refused(config -> quantization(config, "quant_method", method), same, "quantised by " + method, "bitsandbytes");
        }
        refused(config -> quantization(config, "llm_int8_skip_modules", List.of("lm_head", "down_proj")), same, "llm_int8_skip_modules");
        refused(config -> quantization(config, "load_in_8bit", true), same, "load_in_4bit", "either");
        refused(config -> quantization(config, "bnb_4bit_quant_storage", "bfloat16"), same, "bnb_4bit_quant_storage");
        refused(config -> config.putObject("compression_config"), same, "compression_config");

        refused(plain, tensors -> tensors.remove(DOWN + ".weight.absmax"), "missing", DOWN + ".weight.absmax");
        refused(plain, tensors -> tensors.put(DOWN + ".weight.other", new Stored(Dtype.U8, new long[] {1}, new byte[1])), "knows nothing of", "other");
        refused(plain, tensors -> tensors.put(DOWN + ".weight", new Stored(Dtype.BF16, new long[] {64, 176}, new byte[2 * 64 * 176])),
                DOWN + ".weight", "expected dtype U8", "BF16");
        refused(plain, tensors -> tensors.put(DOWN + ".weight", new Stored(Dtype.U8, new long[] {10, 1}, new byte[10])), "expected shape [5632, 1]");
        // Nested scales where the configuration says none.
        refused(config -> quantization(config, "bnb_4bit_use_double_quant", false), same, "nested_absmax");

        for (String[] change : new String[][] {
            {"\"blocksize\": 64", "\"blocksize\": 128", "blocksize", "expected 64"}, {"\"nf4\"", "\"fp4\"", "quant_type", "nf4"},
            {"[64, 176]", "[176, 64]", "shape", "[64,176]"}, {"\"nested_blocksize\": 256", "\"nested_blocksize\": 64", "nested_blocksize", "256"},
            {"float32", "float16", "nested_dtype", "float32"}, {"\"nested_offset\"", "\"offset\"", "nested_offset", "a number"}
        }) {
            refused(plain, tensors -> {
                String text = replaced(change[0], change[1]).apply(new String(tensors.get(STATE).bytes, StandardCharsets.UTF_8));
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                tensors.put(STATE, new Stored(Dtype.U8, new long[] {bytes.length}, bytes));
            }, STATE, change[2], change[3]);
        }
        refused(plain, tensors -> tensors.put(STATE, new Stored(Dtype.U8, new long[] {3}, "{,}".getBytes(StandardCharsets.UTF_8))), STATE);
        refused(plain, tensors -> tensors.put(STATE, new Stored(Dtype.U8, new long[] {100_000}, new byte[100_000])), STATE, "at most");
        refused(plain, tensors -> tensors.get(DOWN + ".weight.quant_map").bytes[0]++, DOWN + ".weight.quant_map", "as NF4 has it");
        refused(plain, tensors -> Arrays.fill(tensors.get(DOWN + ".weight.nested_absmax").bytes, (byte) 0xff), "a scale is NaN or infinite", "damaged");
    }
}
