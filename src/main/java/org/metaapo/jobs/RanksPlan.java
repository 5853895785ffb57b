package org.metaapo.jobs;

import java.util.Locale;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.train.RunMemory;
import org.metaapo.train.RunSize;

/** What each of several ranks takes by what they share out, and what share of their time they compute. */
final class RanksPlan {
    /** Bytes a second between ranks: GPUs of one machine over NVLink, and machines with a card of 400 Gb/s each. */
    private static final double[] BANDWIDTHS = {350e9, 50e9};

    private final RunConfig config;
    private final RunSize size;
    private final int ranks;

    RanksPlan(RunConfig config, RunSize size, int ranks) {
        this.config = config;
        this.size = size;
        this.ranks = ranks;
    }

    /**
     * A table, a row a stage.
     *
     * @param free bytes of a rank's device; 0 where that is not known
     * @param secondsOfRun of computing, on one rank; 0 where that is not known
     */
    String text(long free, double secondsOfRun) {
        StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "%neach of %d ranks, by what they share out (train.shard)%s:%n", ranks,
                secondsOfRun > 0 ? String.format(Locale.ROOT, "; computing, of their time, where %.0f or %.0f GB/s go between them and nothing is hidden", BANDWIDTHS[0] * 1e-9, BANDWIDTHS[1] * 1e-9) : ""));
        size.stages().forEach((stage, memory) -> {
            RunMemory decided = memory.decided(free, null);
            out.append(String.format(Locale.ROOT, "  %-10s %,14.1f MiB%s", stage.name().toLowerCase(Locale.ROOT), decided.total() / 1048576.0,
                    free == 0 ? "" : decided.total() <= free ? "  fits          " : "  does not fit  "));
            for (double bandwidth : secondsOfRun > 0 ? BANDWIDTHS : new double[0]) {
                out.append(String.format(Locale.ROOT, "  %5.1f %%", 100 * efficiency(stage, secondsOfRun, bandwidth)));
            }
            out.append(String.format("%n"));
        });
        return out.toString();
    }

    /**
     * Computing over computing and waiting. A reduction or a gathering moves (R - 1) / R of its bytes in and out of each rank: gradients
     * of 4 bytes, weights of their own.
     */
    private double efficiency(TrainerOptions.Shard stage, double secondsOfRun, double bandwidth) {
        double steps = size.steps();
        double microBatches = Math.max(1, Math.ceil(
                (double) size.tokens() * config.integer("train.epochs") / steps / ranks / Math.max(size.longestPack(), config.integer("train.micro_tokens"))));
        double trained = size.trained().weights();
        double weight = Dtype.fromName(config.text("dtype")) == Dtype.BF16 ? 2 : 4;
        double bytes = switch (stage) {
            case NONE -> 8 * trained;
            case OPTIMIZER -> (4 + weight) * trained;
            case GRADIENTS -> (4 * microBatches + weight) * trained;
            case WEIGHTS -> 4 * microBatches * trained + 2 * microBatches * weight * size.trained().of();
        };
        double computing = secondsOfRun / ranks;
        double moving = steps * bytes * (ranks - 1) / ranks / bandwidth;
        return computing / (computing + moving);
    }
}
