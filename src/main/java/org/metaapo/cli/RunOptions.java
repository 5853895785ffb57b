package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.ranks.RankPlace;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A run's configuration on the command line: its file, keys that override it, and the common options, which are keys too. */
final class RunOptions {
    /** What the first signal has a run do. */
    static final String STOPPING = "stopping after this step, with a checkpoint";

    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "the configuration; - for standard input")
    private Path config;

    @Parameters(index = "1..*", paramLabel = "key=value", description = "override a key, such as train.batch=32")
    private List<String> keys = List.of();

    @Option(names = "--device", paramLabel = "D", description = "auto, cpu or cuda:N; as device=D")
    private String device;

    @Option(names = "--dtype", paramLabel = "T", description = "f32 or bf16; as dtype=T")
    private String dtype;

    @Option(names = "--threads", paramLabel = "N", description = "processor threads, 0 for all cores; as threads=N")
    private String threads;

    @Option(names = "--seed", paramLabel = "N", description = "of all random numbers; as seed=N")
    private String seed;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    RunConfig load() {
        return load(List.of());
    }

    /** The configuration, which ranks may read. */
    RunConfig load(RanksOption ranks) {
        ranks.check("the configuration", List.of(config));
        return load();
    }

    /** The configuration with a rank's own device and threads. */
    RunConfig load(RunConfig asked, RankPlace place) {
        DeviceSpec device = DeviceSpec.parse(asked.text("device"));
        DeviceSpec own = place.device(device);
        int threads = place.threads(asked.count("threads"));
        List<String> overrides = new ArrayList<>();
        if (!own.equals(device)) {
            overrides.add("device=" + (own.isCuda() ? "cuda:" + own.index() : "cpu"));
        }
        if (threads != asked.count("threads")) {
            overrides.add("threads=" + threads);
        }
        return overrides.isEmpty() ? asked : load(overrides);
    }

    private RunConfig load(List<String> own) {
        List<String> overrides = new ArrayList<>(keys);
        override(overrides, "device", device);
        override(overrides, "dtype", dtype);
        override(overrides, "threads", threads);
        override(overrides, "seed", seed);
        overrides.addAll(own);
        RunConfig run = RunConfig.load(config, overrides);
        List<Path> read = new ArrayList<>(run.paths("data.train"));
        read.addAll(run.paths("data.eval"));
        read.add(config);
        Inputs.once(read);
        return run;
    }

    boolean quiet() {
        return quiet;
    }

    private static void override(List<String> overrides, String key, String value) {
        if (value != null) {
            overrides.add(key + "=" + value);
        }
    }
}
