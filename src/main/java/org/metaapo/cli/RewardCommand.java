package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.engine.Engine;
import org.metaapo.jobs.RewardJob;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo reward}. */
@Command(name = "reward", description = "Rewards of pairs or of generated answers, a JSON line a row.", mixinStandardHelpOptions = true)
final class RewardCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the reward model")
    private Path model;

    @Option(names = "--data", required = true, paramLabel = "FILE", arity = "1..*", description = "JSONL or JSON files")
    private List<Path> data;

    @Option(names = "--out", paramLabel = "FILE", description = "where to write; standard output if not given")
    private Path out;

    @Override
    public Integer call() {
        try (Engine engine = common.open();
                ProgressView view = common.view()) {
            RewardJob.run(engine, common.dtype(), model, data, view).write(out);
        }
        return 0;
    }
}
