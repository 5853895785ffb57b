package org.metaapo.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.metaapo.engine.internal.apo_batch;

/**
 * Packed sequences off the heap. A pack is a prompt with its answers, {@code [prompt | answer 1 | answer 2 | …]}: each
 * answer attends to its prompt and to itself, and its positions go on from the prompt's end.
 */
public final class TokenBatch implements AutoCloseable {
    private final apo_batch handle = new apo_batch();
    private final List<IntPointer> arrays = new ArrayList<>();
    private final int[] answerLengths;
    private final int packs;
    private final long tokens;
    private boolean closed;

    private TokenBatch(Builder builder) {
        this.answerLengths = Builder.toArray(builder.answerLengths);
        this.packs = builder.promptLengths.size();
        int[] all = new int[Math.toIntExact(builder.tokens)];
        int at = 0;
        for (int[] part : builder.parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        this.tokens = all.length;
        handle.packs(packs).answers(answerLengths.length).token_count(tokens);
        handle.tokens(keep(all)).prompt_lengths(keep(Builder.toArray(builder.promptLengths)));
        handle.answer_counts(keep(Builder.toArray(builder.answerCounts))).answer_lengths(keep(answerLengths));
    }

    private IntPointer keep(int[] values) {
        IntPointer pointer = new IntPointer(values);
        arrays.add(pointer);
        return pointer;
    }

    /** An empty batch to fill. */
    public static Builder builder() {
        return new Builder();
    }

    /** Number of packs. */
    public int packs() {
        return packs;
    }

    /** Number of answers in all packs. */
    public int answers() {
        return answerLengths.length;
    }

    /** Number of tokens, prompts counted once. */
    public long tokens() {
        return tokens;
    }

    /** Tokens of an answer. */
    public int answerLength(int answer) {
        return answerLengths[answer];
    }

    /** Tokens of each answer. */
    int[] answerLengths() {
        return answerLengths.clone();
    }

    /** Tokens of all answers together. */
    int answerTokens() {
        return Math.toIntExact(Arrays.stream(answerLengths).asLongStream().sum());
    }

    /** One array for each answer, from one after the other. */
    float[][] split(FloatPointer tokens) {
        float[][] split = new float[answers()][];
        long at = 0;
        for (int i = 0; i < split.length; i++) {
            split[i] = new float[answerLength(i)];
            tokens.position(at).get(split[i]);
            at += split[i].length;
        }
        tokens.position(0);
        return split;
    }

    apo_batch handle() {
        if (closed) {
            throw new IllegalStateException("the batch is closed");
        }
        return handle;
    }

    /** Gives the memory back. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arrays.forEach(IntPointer::close);
            handle.close();
        }
    }

    /** No packs, for a rank that takes part in a call without having any. */
    static TokenBatch none() {
        return new TokenBatch(new Builder());
    }

    /** Collects packs. */
    public static final class Builder {
        private final List<int[]> parts = new ArrayList<>();
        private final List<Integer> promptLengths = new ArrayList<>();
        private final List<Integer> answerCounts = new ArrayList<>();
        private final List<Integer> answerLengths = new ArrayList<>();
        private long tokens;

        private Builder() {}

        /**
         * Appends a prompt with its answers, none of them empty.
         *
         * @return number of its first answer in the batch
         */
        public int pack(int[] prompt, List<int[]> answers) {
            int first = answerLengths.size();
            add(prompt);
            promptLengths.add(prompt.length);
            answerCounts.add(answers.size());
            for (int[] answer : answers) {
                add(answer);
                answerLengths.add(answer.length);
            }
            return first;
        }

        private void add(int[] part) {
            parts.add(part);
            tokens += part.length;
        }

        /** Number of tokens so far. */
        public long tokens() {
            return tokens;
        }

        /** The batch; the caller closes it. */
        public TokenBatch build() {
            if (promptLengths.isEmpty()) {
                throw new IllegalStateException("the batch has no pack");
            }
            return new TokenBatch(this);
        }

        private static int[] toArray(List<Integer> values) {
            return values.stream().mapToInt(Integer::intValue).toArray();
        }
    }
}
