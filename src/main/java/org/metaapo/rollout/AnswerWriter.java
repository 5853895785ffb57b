package org.metaapo.rollout;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Model;
import org.metaapo.engine.Sampling;

/** Lets a model answer prompts, some at a time, so that progress can be told and a stop is heard. */
public final class AnswerWriter {
    private static final int ROUNDS = 4;

    private final Model model;
    private final int sequences;

    /** Decodes up to {@code sequences} answers at once. */
    public AnswerWriter(Model model, int sequences) {
        this.model = model;
        this.sequences = sequences;
    }

    /**
     * k answers to each prompt.
     *
     * @param keys names of the prompts' random numbers
     * @param done hears how many prompts are finished; may throw to end the work
     */
    public List<List<GeneratedAnswer>> write(List<int[]> prompts, long[] keys, Sampling sampling, LongConsumer done) {
        List<List<GeneratedAnswer>> answers = new ArrayList<>();
        if (prompts.isEmpty()) {
            return answers;
        }
        long longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
        int used = (int) Math.min(sequences, (long) prompts.size() * sampling.k());
        long promptsAtOnce = (used + sampling.k() - 1) / sampling.k() + 1;
        long cache = promptsAtOnce * longest + (long) used * sampling.maxNewTokens();
        int group = Math.max(1, ROUNDS * sequences / sampling.k());
        try (Generator generator = model.generator(new GeneratorOptions(used, cache))) {
            for (int from = 0; from < prompts.size(); from += group) {
                int to = Math.min(prompts.size(), from + group);
                long[] part = java.util.Arrays.copyOfRange(keys, from, to);
                answers.addAll(generator.generate(prompts.subList(from, to), part, sampling, null));
                done.accept(to);
            }
        }
        return answers;
    }
}
