package org.metaapo.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Row;
import org.metaapo.error.DataException;
import org.metaapo.reward.Overlong;
import org.metaapo.reward.RewardReader;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Answer;

/** Compares the rows, in the reward model's own tokens, with what a local reward model reads, before any weight is read. */
final class RewardRoom {
    private static final int BLOCK = 1024;

    private final RewardReader reader;
    private final boolean ownAnswers;

    private RewardRoom(RewardReader reader, boolean ownAnswers) {
        this.reader = reader;
        this.ownAnswers = ownAnswers;
    }

    /** Tokens of a row's prompt, and of its longest conversation with an own answer; 0 where none is ranked. */
    private record Tokens(int prompt, int own) {}

    /**
     * Tells how many prompts leave too few tokens for the answers asked for, and how many own answers are too long.
     *
     * @throws org.metaapo.error.DataException if an own answer is too long and that is to be an error
     */
    static void tell(RunConfig config, Rollout rollout, RewardSource source, RunData data, RunListener listener, StopSignal stop) {
        boolean own = rollout.ownAnswers() || config.flag("reward.offline_pairs");
        try (RewardReader reader = source.reader()) {
            listener.begin("lengths for the reward model", data.rows().size());
            List<Tokens> tokens = new RewardRoom(reader, own).tokens(config, data, listener, stop);
            listener.end();
            int reads = reader.positions();
            int wanted = data.newTokens(config);
            long narrow = tokens.stream().filter(of -> of.prompt() + wanted > reads).count();
            long longer = tokens.stream().filter(of -> of.own() > reads).count();
            if (longer > 0 && source.overlong() == Overlong.STOP) {
                int row = IntStream.range(0, tokens.size()).filter(i -> tokens.get(i).own() > reads).findFirst().orElseThrow();
                throw reader.tooLong(tokens.get(row).own(), data.rows().get(row).source() + ": an answer of the row");
            }
            if (narrow + longer > 0) {
                listener.note(String.format(Locale.ROOT, "the reward model reads %,d tokens: prompts that leave fewer than the %,d asked for: %,d, up to %,d "
                        + "tokens by its own tokenizer; rows with longer own answers: %,d; reward.overlong is %s",
                        reads, wanted, narrow, tokens.stream().mapToInt(Tokens::prompt).max().orElse(0), longer, config.text("reward.overlong")));
            }
        }
    }

    private List<Tokens> tokens(RunConfig config, RunData data, RunListener listener, StopSignal stop) {
        int threads = config.count("threads") == 0 ? Runtime.getRuntime().availableProcessors() : config.count("threads");
        ForkJoinPool pool = new ForkJoinPool(threads);
        try {
            List<Tokens> all = new ArrayList<>();
            for (int from = 0; from < data.rows().size(); from += BLOCK) {
                int first = from;
                int end = Math.min(data.rows().size(), from + BLOCK);
                all.addAll(pool.submit(() -> IntStream.range(first, end).parallel()
                        .mapToObj(i -> tokens(data.rows().get(i).row())).toList()).join());
                listener.progress(end, "");
                stop.check();
            }
            return all;
        } finally {
            pool.shutdown();
        }
    }

    private Tokens tokens(Row row) {
        try {
            int longest = 0;
            if (ownAnswers && row.isPair()) {
                for (Answer answer : List.of(row.chosen(), row.rejected())) {
                    longest = Math.max(longest, reader.encode(row.prompt(), answer).length);
                }
            }
            return new Tokens(reader.promptTokens(row.prompt()), longest);
        } catch (DataException e) {
            throw new DataException(row.source() + ": for the reward model " + reader.folder() + ": " + e.getMessage(), e);
        }
    }
}
