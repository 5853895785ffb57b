package org.metaapo.rollout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Network;
import org.metaapo.engine.Progress;
import org.metaapo.engine.Sampling;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;

/** Lets a model answer prompts, each rank its share of them; progress is told and a stop is heard while it does. */
public final class AnswerWriter {
    private static final long OUTPUT_TOKENS = 1 << 26;

    private final Network model;
    private final int sequences;
    private final Ranks ranks;

    /** Decodes up to {@code sequences} answers at once on each rank. */
    public AnswerWriter(Network model, int sequences, Ranks ranks) {
        this.ranks = ranks;
        this.model = model;
        this.sequences = sequences;
    }

    /** What a generator needs to decode up to {@code sequences} answers at once, their prompts and one more in the cache. */
    public static GeneratorOptions room(int sequences, int prompts, int k, int longestPrompt, int newTokens) {
        int used = (int) Math.min(sequences, (long) prompts * k);
        long promptsAtOnce = (used + k - 1) / k + 1;
        return new GeneratorOptions(used, promptsAtOnce * longestPrompt + (long) used * newTokens);
    }

    /**
     * k answers to each prompt, on every rank.
     *
     * @param keys names of the prompts' random numbers
     * @param done hears how many prompts' worth is finished, from another thread while this one works; may throw to end the work
     * @param note hears lines for people: what makes the work slower than it should be
     */
    public List<List<GeneratedAnswer>> write(
            List<int[]> prompts, long[] keys, Sampling sampling, LongConsumer done, Consumer<String> note) {
        int size = ranks.size();
        return SharedWork.results(ranks, SharedWork.inTurn(prompts.size(), size), new AnswerCodec(), mine -> writeOwn(
                Arrays.stream(mine).mapToObj(prompts::get).toList(), Arrays.stream(mine).mapToLong(i -> keys[i]).toArray(), sampling,
                own -> done.accept(Math.min(prompts.size(), own * size)), note));
    }

    private List<List<GeneratedAnswer>> writeOwn(
            List<int[]> prompts, long[] keys, Sampling sampling, LongConsumer done, Consumer<String> note) {
        List<List<GeneratedAnswer>> answers = new ArrayList<>();
        if (prompts.isEmpty()) {
            return answers;
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
        GeneratorOptions options = room(sequences, prompts.size(), sampling.k(), longest, sampling.maxNewTokens());
        // As many prompts to a call as its output's memory allows: the last answers of a call run with ever fewer mates.
        int group = (int) Math.max(options.maxSequences(), OUTPUT_TOKENS / ((long) sampling.k() * sampling.maxNewTokens()));
        try (Progress progress = new Progress();
                Generator generator = model.generator(options)) {
            for (int from = 0; from < prompts.size(); from += group) {
                int first = from;
                int count = Math.min(prompts.size() - from, group);
                long[] part = Arrays.copyOfRange(keys, first, first + count);
                answers.addAll(progress.watch(
                        share -> done.accept(first + (long) (share * count)),
                        () -> generator.generate(prompts.subList(first, first + count), part, sampling, progress)));
                generator.notice().ifPresent(note);
                done.accept(first + count);
            }
        }
        return answers;
    }
}
