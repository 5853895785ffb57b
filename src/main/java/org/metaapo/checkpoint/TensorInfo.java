package org.metaapo.checkpoint;

import java.util.Arrays;
import java.util.Objects;

/**
 * A tensor found in a safetensors file.
 *
 * @param name unique in its file
 * @param dtype element type
 * @param shape dimensions, row-major, outermost first; empty for a scalar
 * @param offset position of the first byte, from the start of the file
 * @param bytes size of the data, equal to the product of the shape times {@link Dtype#bytes()}
 */
public record TensorInfo(String name, Dtype dtype, long[] shape, long offset, long bytes) {
    /** Copies the shape. */
    public TensorInfo {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(dtype, "dtype");
        shape = shape.clone();
    }

    /** The dimensions, as a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements. */
    public long elements() {
        return bytes / dtype.bytes();
    }

    static long checkedBytes(String name, Dtype dtype, long[] shape) {
        try {
            long count = 1;
            for (long dimension : shape) {
                if (dimension < 0) {
                    throw new IllegalArgumentException(
                            "tensor " + name + ": shape " + Arrays.toString(shape) + " has a negative dimension");
                }
                count = Math.multiplyExact(count, dimension);
            }
            return Math.multiplyExact(count, (long) dtype.bytes());
        } catch (ArithmeticException overflow) {
            throw new IllegalArgumentException(
                    "tensor " + name + ": shape " + Arrays.toString(shape) + " of " + dtype + " exceeds 2^63-1 bytes",
                    overflow);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && offset == that.offset
                && bytes == that.bytes;
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, dtype, Arrays.hashCode(shape), offset, bytes);
    }

    @Override
    public String toString() {
        return name + " " + dtype + Arrays.toString(shape) + " at " + offset;
    }
}
