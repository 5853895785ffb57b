package org.metaapo.engine;

import java.nio.ByteBuffer;

/**
 * A matrix in few bits as bitsandbytes stores it, in direct buffers in native order, each from position to limit; {@code metaapo.h}'s
 * {@code apo_packed_matrix} says what each is. What a {@link Quantization} has not is null.
 *
 * @param codes of the weights: 4 bits each of NF4, 8 bits of int8
 * @param scales f32: of NF4's blocks, of 256 of their scales where these have codes, or of int8's rows
 * @param scaleCodes of NF4's blocks, one byte each
 * @param scaleMap f32, 256 of them: what these codes stand for
 * @param scaleOffset is added to each scale that has a code
 */
public record PackedTensor(ByteBuffer codes, ByteBuffer scales, ByteBuffer scaleCodes, ByteBuffer scaleMap, float scaleOffset) {
    private static final long BLOCK = 64;
    private static final long NESTED = 256;

    /** Bytes of the codes of a matrix. */
    public static long codeBytes(Quantization quantization, long rows, long columns) {
        return quantization == Quantization.INT8 ? rows * columns : (rows * columns + 1) / 2;
    }

    /** How many scales a matrix has. */
    public static long scaleCount(Quantization quantization, long rows, long columns) {
        return switch (quantization) {
            case INT8 -> rows;
            case NF4_F32 -> blocks(rows, columns);
            default -> (blocks(rows, columns) + NESTED - 1) / NESTED;
        };
    }

    /** Blocks of a matrix of NF4. */
    public static long blocks(long rows, long columns) {
        return (rows * columns + BLOCK - 1) / BLOCK;
    }

    /** Throws unless the buffers have the sizes of such a matrix. */
    void check(Quantization quantization, long rows, long columns) {
        check("codes", codes, codeBytes(quantization, rows, columns));
        check("scales", scales, 4 * scaleCount(quantization, rows, columns));
        if (quantization == Quantization.NF4) {
            check("scaleCodes", scaleCodes, blocks(rows, columns));
            check("scaleMap", scaleMap, 4 * NESTED);
        }
    }

    private static void check(String name, ByteBuffer buffer, long bytes) {
        if (buffer == null || !buffer.isDirect() || buffer.remaining() != bytes) {
            throw new IllegalArgumentException(name + ": expected a direct buffer of " + bytes + " bytes, found "
                    + (buffer == null ? "none" : (buffer.isDirect() ? "" : "one on the heap, ") + buffer.remaining()));
        }
    }
}
