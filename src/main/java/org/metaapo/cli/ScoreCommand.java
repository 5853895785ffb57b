package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.jobs.Lines;
import org.metaapo.jobs.ScoreJob;
import org.metaapo.ranks.RankPlace;
import org.metaapo.ranks.Ranks;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo score}. */
@Command(name = "score", description = "Log-probs, delta, score and weight of preference pairs, a JSON line a row.", mixinStandardHelpOptions = true)
final class ScoreCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the policy")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Option(names = "--reference", paramLabel = "DIR", description = "folder of the reference; with --adapter the same as --model for the model without it")
    private Path reference;

    @Mixin
    private DataOption data;

    @Option(names = "--meta-learner", paramLabel = "FILE", description = "meta-learner.json of a run, for the weight")
    private Path metaLearner;

    @Mixin
    private OutputOption out;

    @Mixin
    private LengthOptions lengths;

    @Mixin
    private AnswerOptions answers;

    @Mixin
    private RanksOption ranks;

    @Override
    public Integer call() {
        return ranks.run(this::prepare, this::score);
    }

    private Destination prepare() {
        if (metaLearner != null && reference == null) {
            throw new UsageException("--meta-learner needs --reference DIR too: the weight is one of the score, which is against a reference");
        }
        ranks.check("--data", data.paths());
        return out.apartFrom(Inputs.of(data.paths(), model, adapter.path(), reference, metaLearner));
    }

    private void score(Ranks joined, Destination destination) {
        RunConfig settings = RunConfig.defaults(lengths.overrides());
        ScoreJob.Lengths limits = new ScoreJob.Lengths(settings.count("data.max_length"), settings.count("data.max_prompt_length"));
        RankPlace place = RankPlace.of(joined);
        try (Engine engine = joined.agree(() -> common.open(place));
                ProgressView view = common.view(joined)) {
            Lines lines = ScoreJob.run(
                    engine, common.dtype(), model, adapter.path(), quantize.asked(), reference, data.paths(), limits, answers.chat(settings), answers.variables(settings),
                    metaLearner, view, joined);
            joined.lead(() -> lines.write(destination));
        }
    }
}
