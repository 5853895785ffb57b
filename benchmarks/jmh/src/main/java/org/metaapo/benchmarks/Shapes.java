package org.metaapo.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.metaapo.engine.Head;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TokenBatch;

/** Models and batches of the benchmarks; random, from a seed. */
final class Shapes {
    private Shapes() {}

    /** A Llama-like model of these sizes, with an untied LM head and heads of 64. */
    static ModelShape llama(int vocab, int hidden, int ffn, int layers, int positions) {
        int heads = Math.max(1, hidden / 64);
        return new ModelShape(
                vocab, hidden, ffn, layers, heads, heads % 2 == 0 ? heads / 2 : heads, hidden / heads, positions, OptionalInt.empty(), List.of(),
                Head.LM, false, false, false, false, false, ModelShape.Rope.DEFAULT, 1e-6, 10000, 1, 1, 4, positions);
    }

    /**
     * One of the named models.
     *
     * @param name {@code tiny} (0.2 M parameters), {@code 30m} (as model_bench's) or {@code 1.5b}
     */
    static ModelShape named(String name) {
        return switch (name) {
            case "tiny" -> llama(512, 64, 176, 2, 4096);
            case "30m" -> llama(8192, 512, 1408, 8, 4096);
            case "1.5b" -> llama(151936, 1536, 8960, 28, 32768);
            default -> throw new IllegalArgumentException("unknown model " + name + "; expected tiny, 30m or 1.5b");
        };
    }

    /** Random ids below {@code vocab}. */
    static int[] ids(int count, int vocab, long seed) {
        return new SplittableRandom(seed).ints(count, 2, vocab).toArray();
    }

    /** {@code prompts} packs of a prompt and two answers. */
    static TokenBatch pairs(int prompts, int promptTokens, int answerTokens, int vocab) {
        TokenBatch.Builder builder = TokenBatch.builder();
        for (int p = 0; p < prompts; p++) {
            builder.pack(
                    ids(promptTokens, vocab, 3L * p),
                    List.of(ids(answerTokens, vocab, 3L * p + 1), ids(answerTokens, vocab, 3L * p + 2)));
        }
        return builder.build();
    }

    /** {@code count} random prompts. */
    static List<int[]> prompts(int count, int tokens, int vocab) {
        List<int[]> prompts = new ArrayList<>();
        for (int p = 0; p < count; p++) {
            prompts.add(ids(tokens, vocab, p));
        }
        return prompts;
    }
}
