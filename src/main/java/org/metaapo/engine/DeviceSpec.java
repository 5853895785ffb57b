package org.metaapo.engine;

import org.metaapo.error.UsageException;

/**
 * Where to run.
 *
 * @param kind what to run on
 * @param index which of them, from 0
 */
public record DeviceSpec(Kind kind, int index) {
    /** What to run on. */
    public enum Kind {
        /** This machine's processor. */
        CPU,
        /** An NVIDIA GPU. */
        CUDA,
        /** The first GPU where there is one, else the processor. */
        AUTO
    }

    /** The processor. */
    public static final DeviceSpec CPU = new DeviceSpec(Kind.CPU, 0);

    /** {@code cuda:0} where this machine has a GPU and the build its backend, else the processor. */
    public static final DeviceSpec AUTO = new DeviceSpec(Kind.AUTO, 0);

    /** Whether a GPU is meant. */
    public boolean isCuda() {
        return kind == Kind.CUDA;
    }

    /**
     * Reads {@code auto}, {@code cpu} or {@code cuda:N}.
     *
     * @throws UsageException for anything else
     */
    public static DeviceSpec parse(String text) {
        if (text.equals("auto")) {
            return AUTO;
        }
        if (text.equals("cpu")) {
            return CPU;
        }
        if (text.matches("cuda:\\d{1,4}")) {
            return new DeviceSpec(Kind.CUDA, Integer.parseInt(text.substring("cuda:".length())));
        }
        throw new UsageException("device is \"" + text + "\"; expected auto, cpu or cuda:N such as cuda:0");
    }
}
