package org.metaapo.cli;

import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.ranks.RankPlace;
import org.metaapo.ranks.Ranks;
import picocli.CommandLine.Option;

/** Options of all commands that compute. */
final class CommonOptions {
    @Option(names = "--device", paramLabel = "D", description = "auto, cpu or cuda:N (default: ${DEFAULT-VALUE})", defaultValue = "auto")
    private String device;

    @Option(names = "--dtype", paramLabel = "T", description = "f32 or bf16 (default: bf16; of merge: the model's own)")
    private String dtype;

    @Option(names = "--threads", paramLabel = "N", description = "processor threads; 0: all cores", defaultValue = "0")
    private int threads;

    @Option(names = "--seed", paramLabel = "N", description = "of all random numbers (default: 42)")
    private Long seed;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    /** The device, for the whole of this machine. */
    Engine open() {
        return open(RankPlace.of(Ranks.single()));
    }

    /** The device, or a rank's share of it. */
    Engine open(RankPlace place) {
        if (threads < 0 || threads > 4096) {
            throw new UsageException("--threads is " + threads + "; expected 0 (all cores) to 4096");
        }
        return Engine.open(place.device(device()), place.threads(threads));
    }

    DeviceSpec device() {
        return DeviceSpec.parse(device);
    }

    Dtype dtype() {
        return dtype(Dtype.BF16);
    }

    /** The dtype, where none is given {@code otherwise}. */
    Dtype dtype(Dtype otherwise) {
        try {
            return dtype == null ? otherwise : Dtype.fromName(dtype);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--dtype: " + e.getMessage());
        }
    }

    long seed() {
        return seed(42);
    }

    /** The seed, where none is given {@code otherwise}. */
    long seed(long otherwise) {
        return seed == null ? otherwise : seed;
    }

    int threads() {
        return threads;
    }

    boolean quiet() {
        return quiet;
    }

    /** The progress of this process, which is all. */
    ProgressView view() {
        return view(Ranks.single());
    }

    /** The progress, which one of several ranks shows. */
    ProgressView view(Ranks ranks) {
        return new ProgressView(quiet || !ranks.leader());
    }
}
