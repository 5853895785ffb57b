package org.metaapo.checkpoint;

import java.util.Arrays;
import java.util.Objects;

/**
 * A tensor to be written: name, element type and shape (row-major, outermost dimension first; empty for a scalar).
 *
 * @param name unique in its file
 * @param dtype element type
 * @param shape dimensions, none negative
 */
public record TensorSpec(String name, Dtype dtype, long[] shape) {
    /**
     * Copies the shape.
     *
     * @throws IllegalArgumentException if a dimension is negative or the size exceeds 2^63 - 1 bytes
     */
    public TensorSpec {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(dtype, "dtype");
        shape = shape.clone();
        TensorInfo.checkedBytes(name, dtype, shape);
    }

    /** The dimensions, as a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Size of the data in bytes. */
    public long bytes() {
        return TensorInfo.checkedBytes(name, dtype, shape);
    }

    /** Number of elements. */
    public long elements() {
        return bytes() / dtype.bytes();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorSpec that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, dtype, Arrays.hashCode(shape));
    }

    @Override
    public String toString() {
        return name + " " + dtype + Arrays.toString(shape);
    }
}
