package org.metaapo.model;

/**
 * Rotary position embedding, as in transformers' {@code rope_parameters}.
 *
 * @param type how frequencies are scaled
 * @param theta base of the frequencies: frequency i of head size D is {@code theta^(-2i/D)} before scaling
 * @param factor divisor of the (low) frequencies; 1 for {@link Type#DEFAULT}
 * @param lowFreqFactor llama3 only: frequencies with a wavelength above {@code originalMaxPositions / lowFreqFactor} are
 *     divided by {@code factor}; 0 otherwise
 * @param highFreqFactor llama3 only: frequencies with a wavelength below {@code originalMaxPositions / highFreqFactor}
 *     stay; in between they are interpolated; 0 otherwise
 * @param originalMaxPositions llama3 only: context length before scaling; 0 otherwise
 */
public record RopeConfig(
        Type type, double theta, double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions) {

    /** Scaling of the frequencies. */
    public enum Type {
        /** None. */
        DEFAULT,
        /** All frequencies are divided by the factor. */
        LINEAR,
        /** Llama 3.1: low frequencies are divided by the factor, with a smooth passage to the high ones. */
        LLAMA3
    }

    /** No scaling. */
    public static RopeConfig unscaled(double theta) {
        return new RopeConfig(Type.DEFAULT, theta, 1, 0, 0, 0);
    }
}
