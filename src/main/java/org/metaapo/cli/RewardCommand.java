package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.jobs.RewardJob;
import org.metaapo.ranks.Ranks;
import org.metaapo.reward.RewardSource;
import org.metaapo.train.StopSignal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo reward}. */
@Command(name = "reward", description = "Rewards of pairs or of generated answers, a JSON line a row.", mixinStandardHelpOptions = true)
final class RewardCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", paramLabel = "DIR", description = "folder of a local reward model; the same as --reward path=DIR")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Option(names = "--reward", paramLabel = "KEY=VALUE",
            description = "a key of the configuration's group reward, such as url=http://localhost:8000/score; may be given several times")
    private List<String> reward = List.of();

    @Option(names = "--config", paramLabel = "CONFIG.yaml", description = "take the source of rewards from a run's configuration")
    private Path config;

    @Option(names = "--cache", paramLabel = "FILE",
            description = "keep scores of a service, judge, class or command here, and pay for none twice")
    private Path cache;

    @Mixin
    private DataOption data;

    @Mixin
    private OutputOption out;

    @Mixin
    private VariablesOption variables;

    @Override
    public Integer call() {
        if (cache != null && cache.toString().equals("-")) {
            throw new UsageException("--cache is -, which is standard output; expected a file that is kept");
        }
        Destination destination = out.apartFrom(Inputs.of(data.paths(), model, adapter.path(), config, cache));
        RunConfig run = run();
        RewardSource source = RewardSource.of(run);
        if (source == null) {
            throw new UsageException(config + ": names no source of rewards");
        }
        boolean isKept = cache != null;
        if (isKept && source.isLocal()) {
            throw new UsageException("--cache keeps the scores of a service, judge, class or command, and a local model has none to keep; leave it out");
        }
        StopSignal stop = isKept ? Signals.askToStop("stopping; the scores that came are kept") : new StopSignal();
        try (ProgressView view = common.view()) {
            RewardJob.run(source, common::open, common.dtype(), cache, data.paths(), variables.of(run), view, stop, Ranks.single()).write(destination);
        } catch (InterruptedRunException e) {
            throw new InterruptedRunException("stopped; the same command goes on with the scores in " + cache, e);
        }
        return 0;
    }

    private RunConfig run() {
        List<String> overrides = new ArrayList<>();
        if (model != null) {
            overrides.add("reward.path=" + model);
        }
        if (adapter.path() != null) {
            overrides.add("reward.adapter=" + adapter.path());
        }
        reward.forEach(given -> overrides.add("reward." + given));
        if (config == null && overrides.isEmpty()) {
            throw new UsageException("no source of rewards is given; expected --model DIR, --reward KEY=VALUE or --config CONFIG.yaml");
        }
        return config == null ? RunConfig.reward(overrides) : RunConfig.load(config, overrides);
    }
}
