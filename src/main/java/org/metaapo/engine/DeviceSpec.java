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
        CUDA
    }

    /** The processor. */
    public static final DeviceSpec CPU = new DeviceSpec(Kind.CPU, 0);

    /**
     * Reads {@code auto}, {@code cpu} or {@code cuda:N}. {@code auto} is the processor where the build has no GPU backend.
     *
     * @throws UsageException for anything else
     */
    public static DeviceSpec parse(String text) {
        if (text.equals("auto") || text.equals("cpu")) {
            return CPU;
        }
        if (text.matches("cuda:\\d{1,4}")) {
            return new DeviceSpec(Kind.CUDA, Integer.parseInt(text.substring("cuda:".length())));
        }
        throw new UsageException("device is \"" + text + "\"; expected auto, cpu or cuda:N such as cuda:0");
    }
}
