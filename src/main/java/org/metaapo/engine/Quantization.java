package org.metaapo.engine;

import java.util.Locale;

/** How the seven projections of each layer are kept: as all other weights, or in fewer bits (QLoRA, arXiv 2305.14314). */
public enum Quantization {
    /** 16 or 32 bits, the model's {@link Dtype}. */
    NONE("as the model's dtype"),
    /** 4 bits in blocks of 64 with scales of 8 bits (double quantisation). */
    NF4("NF4, double quantisation: 4.127 bits a weight"),
    /** 4 bits in blocks of 64 with scales of 32 bits. */
    NF4_F32("NF4: 4.5 bits a weight"),
    /** 8 bits with a scale a row. */
    INT8("int8 with a scale a row: 8 bits a weight");

    private final String described;

    Quantization(String described) {
        this.described = described;
    }

    /** Number in {@code metaapo.h}'s {@code apo_quantize}. */
    int code() {
        return ordinal();
    }

    /**
     * The one of a name as on the command line: {@code none}, {@code nf4} (with double quantisation) or {@code int8}.
     *
     * @throws IllegalArgumentException for any other name
     */
    public static Quantization fromName(String name) {
        return switch (name) {
            case "none" -> NONE;
            case "nf4" -> NF4;
            case "int8" -> INT8;
            default -> throw new IllegalArgumentException("no quantisation " + name + "; expected none, nf4 or int8");
        };
    }

    /** The name by which it is asked for; both kinds of NF4 have one. */
    public String text() {
        return this == NF4_F32 ? "nf4" : name().toLowerCase(Locale.ROOT);
    }

    /** In words. */
    public String described() {
        return described;
    }
}
