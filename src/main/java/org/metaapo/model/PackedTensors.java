package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.StoredTensors;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.engine.PackedTensor;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** The tensors in which bitsandbytes stores a packed matrix beside its codes, and what they hold. */
final class PackedTensors {
    private static final String STATE = ".quant_state.bitsandbytes__nf4";
    private static final long MAP = 256;
    private static final int BLOCK = 64;
    private static final int STATE_BYTES = 1 << 16;
    private static final float[] NF4 = {
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f
    };

    /** One of a matrix's tensors; -1 in a shape: any size. */
    private record Part(Dtype dtype, long... shape) {}

    private final StoredTensors folder;
    private final Quantization quantization;
    private final DirectRoom codes = new DirectRoom();
    private final DirectRoom scales = new DirectRoom();
    private final DirectRoom scaleCodes = new DirectRoom();
    private final DirectRoom scaleMap = new DirectRoom();

    /** Reads the packed matrices of a folder one after the other, in memory for one of them. */
    PackedTensors(StoredTensors folder, Quantization quantization) {
        this.folder = folder;
        this.quantization = quantization;
    }

    /** Whether a model's tensor of this name is a projection's matrix. */
    static boolean isProjection(String name) {
        return name.startsWith("model.layers.") && name.endsWith("_proj.weight");
    }

    /** The tensors of a packed matrix of this name and shape, by name. */
    private static Map<String, Part> parts(Quantization quantization, String name, long[] shape) {
        long rows = shape[0];
        long columns = shape[1];
        Map<String, Part> parts = new LinkedHashMap<>();
        if (quantization == Quantization.INT8) {
            parts.put(name, new Part(Dtype.I8, rows, columns));
            parts.put(module(name) + ".SCB", new Part(Dtype.F32, rows));
            return parts;
        }
        long blocks = PackedTensor.blocks(rows, columns);
        boolean nested = quantization == Quantization.NF4;
        parts.put(name, new Part(Dtype.U8, PackedTensor.codeBytes(quantization, rows, columns), 1));
        parts.put(name + ".absmax", new Part(nested ? Dtype.U8 : Dtype.F32, blocks));
        parts.put(name + ".quant_map", new Part(Dtype.F32, NF4.length));
        if (nested) {
            parts.put(name + ".nested_absmax", new Part(Dtype.F32, PackedTensor.scaleCount(quantization, rows, columns)));
            parts.put(name + ".nested_quant_map", new Part(Dtype.F32, MAP));
        }
        parts.put(name + STATE, new Part(Dtype.U8, -1));
        return parts;
    }

    /** Names of the tensors that a packed matrix has. */
    static List<String> names(Quantization quantization, String name, long[] shape) {
        return List.copyOf(parts(quantization, name, shape).keySet());
    }

    /** Whether a tensor of this name says how an int8 matrix's codes are laid out, which a folder may do. */
    static boolean isLayout(String name, ModelConfig config) {
        String matrix = name.replaceAll("\\.weight_format$", ".weight");
        return !matrix.equals(name) && isProjection(matrix) && config.expectedTensors().containsKey(matrix);
    }

    private static String module(String name) {
        return name.substring(0, name.length() - ".weight".length());
    }

    /**
     * Checks dtypes and shapes of a packed matrix's tensors, which are all there.
     *
     * @throws DataException naming file and tensor
     */
    static void check(ModelFolder folder, Quantization quantization, String name, long[] shape) {
        parts(quantization, name, shape).forEach((part, expected) -> {
            TensorInfo found = folder.tensor(part);
            if (found.dtype() != expected.dtype) {
                throw new DataException(folder.fileOf(part) + ": tensor " + part + ": expected dtype " + expected.dtype
                        + ", as quantization_config says that it is packed, found " + found.dtype());
            }
            if (part.endsWith(STATE) && found.bytes() > STATE_BYTES) {
                throw new DataException(folder.fileOf(part) + ": tensor " + part + ": expected at most " + STATE_BYTES + " bytes, found " + found.bytes());
            }
            if (expected.shape[0] >= 0 && !Arrays.equals(found.shape(), expected.shape)) {
                throw new DataException(folder.fileOf(part) + ": tensor " + part + ": expected shape " + Arrays.toString(expected.shape) + ", found "
                        + Arrays.toString(found.shape()));
            }
        });
    }

    /**
     * Reads a packed matrix; it is there until the next is read.
     *
     * @throws DataException if it is packed in another way than is supported, naming the tensor
     */
    PackedTensor read(String name, List<Long> shape) {
        if (quantization == Quantization.INT8) {
            return new PackedTensor(codes.read(folder, name), scales.read(folder, module(name) + ".SCB"), null, null, 0);
        }
        JsonNode state = Json.parse(
                StandardCharsets.UTF_8.decode(codes.read(folder, name + STATE)).toString(), folder.path() + ": " + name + STATE);
        expect(name, state, "quant_type", "\"nf4\"");
        expect(name, state, "blocksize", String.valueOf(BLOCK));
        expect(name, state, "shape", "[" + shape.get(0) + "," + shape.get(1) + "]");
        ByteBuffer map = codes.read(folder, name + ".quant_map");
        for (int code = 0; code < NF4.length; code++) {
            if (map.getFloat(4 * code) != NF4[code]) {
                throw new DataException(folder.path() + ": " + name + ".quant_map: code " + code + " is " + map.getFloat(4 * code) + ", expected "
                        + NF4[code] + ", as NF4 has it");
            }
        }
        if (quantization == Quantization.NF4_F32) {
            return new PackedTensor(codes.read(folder, name), scales.read(folder, name + ".absmax"), null, null, 0);
        }
        expect(name, state, "nested_blocksize", String.valueOf(MAP));
        expect(name, state, "nested_dtype", "\"float32\"");
        if (!state.path("nested_offset").isNumber()) {
            throw wrong(name, "nested_offset", "a number", state.get("nested_offset"));
        }
        return new PackedTensor(
                codes.read(folder, name), scales.read(folder, name + ".nested_absmax"), scaleCodes.read(folder, name + ".absmax"),
                scaleMap.read(folder, name + ".nested_quant_map"), state.path("nested_offset").floatValue());
    }

    private void expect(String name, JsonNode state, String key, String expected) {
        JsonNode found = state.get(key);
        if (found == null || !found.toString().equals(expected)) {
            throw wrong(name, key, expected, found);
        }
    }

    private DataException wrong(String name, String key, String expected, JsonNode found) {
        return new DataException(folder.path() + ": " + name + STATE + ": " + key + ": expected " + expected + ", found "
                + (found == null ? "nothing" : Json.describe(found)));
    }
}
