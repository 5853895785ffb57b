package org.metaapo.engine;

/**
 * What an engine runs on.
 *
 * @param name such as "AMD EPYC"
 * @param isa instruction set in use, such as "avx2"
 * @param gemm matrix library with its version
 * @param threads processor threads in use
 * @param bf16Native whether products of bf16 matrices run in hardware; else they are widened to f32
 * @param bf16 how, and why, in words
 * @param memoryTotal bytes
 * @param memoryFree bytes available when asked
 */
public record DeviceInfo(
        String name, String isa, String gemm, int threads, boolean bf16Native, String bf16, long memoryTotal, long memoryFree) {}
