package org.metaapo.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.metaapo.checkpoint.TensorInfo;

/** Reads the values of a folder's tensors as floats, whatever they are stored as. */
final class TensorValues {
    private static final int CHUNK = 1 << 18;

    private TensorValues() {}

    /** Whether two tensors of one shape have the same values, up to the first that differs. */
    static boolean equal(ModelFolder folder, String one, String other) {
        TensorInfo a = folder.tensor(one);
        TensorInfo b = folder.tensor(other);
        ByteBuffer left = ByteBuffer.allocate(CHUNK * a.dtype().bytes()).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer right = ByteBuffer.allocate(CHUNK * b.dtype().bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (long at = 0; at < a.elements(); at += CHUNK) {
            int count = (int) Math.min(CHUNK, a.elements() - at);
            read(folder, a, at, count, left);
            read(folder, b, at, count, right);
            if (a.dtype() == b.dtype() && left.equals(right)) {
                continue;
            }
            for (int i = 0; i < count; i++) {
                if (value(left, a, i) != value(right, b, i)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void read(ModelFolder folder, TensorInfo tensor, long at, int count, ByteBuffer into) {
        into.clear().limit(count * tensor.dtype().bytes());
        folder.read(tensor.name(), at * tensor.dtype().bytes(), into);
        into.rewind();
    }

    private static float value(ByteBuffer values, TensorInfo tensor, int index) {
        return switch (tensor.dtype()) {
            case F32 -> values.getFloat(4 * index);
            case F16 -> halfToFloat(values.getShort(2 * index));
            case BF16 -> Float.intBitsToFloat(values.getShort(2 * index) << 16);
            default -> throw new IllegalArgumentException("not a dtype of model weights: " + tensor.dtype());
        };
    }

    /** IEEE half precision to single; every half is exact. */
    static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >> 10) & 0x1f;
        int mantissa = half & 0x3ff;
        if (exponent == 0) {
            return Float.intBitsToFloat(sign | Float.floatToRawIntBits(mantissa * 0x1p-24f));
        }
        int bits = exponent == 31 ? 0x7f800000 | (mantissa << 13) : ((exponent + 112) << 23) | (mantissa << 13);
        return Float.intBitsToFloat(sign | bits);
    }
}
