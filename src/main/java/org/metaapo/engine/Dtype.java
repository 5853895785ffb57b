package org.metaapo.engine;

import java.util.Locale;

/** Element type of weights and activations. */
public enum Dtype {
    /** IEEE single precision. */
    F32(4),
    /** The upper 16 bits of a single: 8 exponent bits, 7 of mantissa. */
    BF16(2);

    private final int bytes;

    Dtype(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of an element. */
    public int bytes() {
        return bytes;
    }

    /** Number in {@code metaapo.h}'s {@code apo_dtype}. */
    int code() {
        return ordinal();
    }

    /**
     * The type of a name as on the command line, {@code f32} or {@code bf16}.
     *
     * @throws IllegalArgumentException for any other name
     */
    public static Dtype fromName(String name) {
        for (Dtype dtype : values()) {
            if (dtype.name().toLowerCase(Locale.ROOT).equals(name)) {
                return dtype;
            }
        }
        throw new IllegalArgumentException("no dtype " + name + "; expected f32 or bf16");
    }
}
