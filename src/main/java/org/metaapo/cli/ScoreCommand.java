package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.engine.Engine;
import org.metaapo.jobs.ScoreJob;
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

    @Option(names = "--reference", paramLabel = "DIR", description = "folder of the reference")
    private Path reference;

    @Option(names = "--data", required = true, paramLabel = "FILE", arity = "1..*", description = "JSONL or JSON files")
    private List<Path> data;

    @Option(names = "--meta-learner", paramLabel = "FILE", description = "meta-learner.json of a run, for the weight")
    private Path metaLearner;

    @Option(names = "--out", paramLabel = "FILE", description = "where to write; standard output if not given")
    private Path out;

    @Override
    public Integer call() {
        try (Engine engine = common.open();
                ProgressView view = common.view()) {
            ScoreJob.run(engine, common.dtype(), model, reference, data, metaLearner, view).write(out);
        }
        return 0;
    }
}
