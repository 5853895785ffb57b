package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.jobs.Lines;
import org.metaapo.jobs.RewardJob;
import org.metaapo.ranks.RankPlace;
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

    @Mixin
    private RanksOption ranks;

    @Override
    public Integer call() {
        return ranks.run(this::prepare, this::reward);
    }

    /** What was asked for, looked at. */
    private record Prepared(Destination destination, RunConfig run, RewardSource source) {}

    private Prepared prepare() {
        if (cache != null && cache.toString().equals("-")) {
            throw new UsageException("--cache is -, which is standard output; expected a file that is kept");
        }
        ranks.check("--data", data.paths());
        ranks.check("--config", config == null ? List.of() : List.of(config));
        Destination destination = out.apartFrom(Inputs.of(data.paths(), model, adapter.path(), config, cache));
        RunConfig run = run();
        RewardSource source = RewardSource.of(run);
        if (source == null) {
            throw new UsageException(config + ": names no source of rewards");
        }
        if (cache != null && source.isLocal()) {
            throw new UsageException("--cache keeps the scores of a service, judge, class or command, and a local model has none to keep; leave it out");
        }
        return new Prepared(destination, run, source);
    }

    private void reward(Ranks joined, Prepared asked) {
        StopSignal stop = cache != null ? Signals.askToStop("stopping; the scores that came are kept") : new StopSignal();
        RankPlace place = RankPlace.of(joined);
        try (ProgressView view = common.view(joined)) {
            Lines lines = RewardJob.run(
                    asked.source(), () -> common.open(place), common.dtype(), cache, data.paths(), variables.of(asked.run()), view, stop, joined);
            joined.lead(() -> lines.write(asked.destination()));
        } catch (InterruptedRunException e) {
            throw new InterruptedRunException("stopped; the same command goes on with the scores in " + cache, e);
        }
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
