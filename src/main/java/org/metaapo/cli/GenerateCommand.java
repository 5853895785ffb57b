package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Sampling;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.jobs.GenerateJob;
import org.metaapo.jobs.Lines;
import org.metaapo.ranks.RankPlace;
import org.metaapo.ranks.Ranks;
import org.metaapo.rollout.SamplingChecks;
import org.metaapo.text.ChatOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo generate}. */
@Command(name = "generate", description = "K answers to each prompt, a JSON line a prompt.", mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the model")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Mixin
    private DataOption data;

    @Mixin
    private OutputOption out;

    @Option(names = "--k", paramLabel = "K", description = "answers a prompt (default: ${DEFAULT-VALUE})", defaultValue = "8")
    private int k;

    @Option(names = "--temperature", paramLabel = "X", description = "default: ${DEFAULT-VALUE}", defaultValue = "1")
    private double temperature;

    @Option(names = "--top-p", paramLabel = "P", description = "default: ${DEFAULT-VALUE}", defaultValue = "1")
    private double topP;

    @Option(names = "--top-k", paramLabel = "N", description = "0: all (default)", defaultValue = "0")
    private int topK;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "longest answer (default: ${DEFAULT-VALUE})", defaultValue = "256")
    private int maxNewTokens;

    @Option(names = "--greedy", description = "the most probable token each time")
    private boolean greedy;

    @Option(names = "--sequences", paramLabel = "N", description = "answers decoded at once (default: ${DEFAULT-VALUE})", defaultValue = "64")
    private int sequences;

    @Mixin
    private TemplateOptions template;

    @Mixin
    private RanksOption ranks;

    @Override
    public Integer call() {
        return ranks.run(this::prepare, this::generate);
    }

    private Destination prepare() {
        require(k >= 1, "--k is " + k + "; expected 1 or more");
        SamplingChecks.maxNewTokens("--max-new-tokens", maxNewTokens);
        SamplingChecks.temperature("--temperature", temperature);
        SamplingChecks.topP("--top-p", topP);
        SamplingChecks.topK("--top-k", topK);
        require(sequences >= 1, "--sequences is " + sequences + "; expected 1 or more");
        ranks.check("--data", data.paths());
        return out.apartFrom(Inputs.of(data.paths(), model, adapter.path()));
    }

    private void generate(Ranks joined, Destination destination) {
        Sampling sampling = new Sampling(k, maxNewTokens, greedy, topK, topP, temperature, common.seed(), new int[0]);
        RankPlace place = RankPlace.of(joined);
        try (Engine engine = joined.agree(() -> common.open(place));
                ProgressView view = common.view(joined)) {
            Lines lines = GenerateJob.run(
                    engine, common.dtype(), model, adapter.path(), quantize.asked(), data.paths(), template.over(ChatOptions.DEFAULT),
                    template.variables(RunConfig.defaults(List.of())), sampling, sequences, view, joined);
            joined.lead(() -> lines.write(destination));
        }
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new UsageException(message);
        }
    }
}
