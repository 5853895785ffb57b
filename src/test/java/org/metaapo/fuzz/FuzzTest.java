package org.metaapo.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A short run of each target over its seeds and over inputs changed at random from a fixed seed.
 * {@code ./metaapo test fuzz} runs longer, guided by coverage and with a bounded heap.
 */
class FuzzTest {
    private static final int INPUTS = Integer.getInteger("fuzz.inputs", 400);

    @TempDir
    Path scratch;

    @ParameterizedTest
    @EnumSource
    void everyInputIsReadOrRefusedInOneLine(FuzzTarget target) {
        List<byte[]> seeds = FuzzSeeds.of(target);
        assertThat(seeds).isNotEmpty();
        seeds.forEach(seed -> check(target, seed));
        Mutator mutator = new Mutator(Long.getLong("fuzz.seed", 7), seeds);
        long end = System.nanoTime() + Long.getLong("fuzz.seconds", 2) * 1_000_000_000L;
        for (int i = 0; i < INPUTS && System.nanoTime() < end; i++) {
            check(target, mutator.next());
        }
    }

    private void check(FuzzTarget target, byte[] input) {
        try {
            FuzzProperty.check(target, input, scratch);
        } catch (Throwable failure) {
            throw new AssertionError(target + " on the input (Base64) " + Base64.getEncoder().encodeToString(input), failure);
        }
    }
}
