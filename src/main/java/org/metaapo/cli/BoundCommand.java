package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.error.UsageException;
import org.metaapo.theory.BoundJob;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo bound}. */
@Command(
        name = "bound",
        description = "MetaAPO's theorem 1 on a run's meta-learner: Rademacher complexity, bound and measured gap as the buffer grows.",
        mixinStandardHelpOptions = true)
final class BoundCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "RUN", description = "folder of a finished run with recipe metaapo")
    private Path run;

    @Option(names = "--delta", defaultValue = "0.05", description = "the bound holds with probability 1 − δ (${DEFAULT-VALUE})")
    private double delta;

    @Option(names = "--draws", defaultValue = "100", description = "draws of signs for each size (${DEFAULT-VALUE})")
    private int draws;

    @Option(names = "--radius", defaultValue = "0",
            description = "distance from the start's parameters that bounds the class; 0: as far as the run went")
    private double radius;

    @Option(names = "--rows", defaultValue = "512", description = "largest m (${DEFAULT-VALUE})")
    private int rows;

    @Override
    public Integer call() {
        if (!(delta > 0 && delta < 1) || draws < 2 || !(radius >= 0 && radius < Double.POSITIVE_INFINITY) || rows < 16) {
            throw new UsageException("--delta " + delta + ", --draws " + draws + ", --radius " + radius + ", --rows " + rows
                    + ": expected 0 < delta < 1, draws >= 2, radius >= 0, rows >= 16");
        }
        try (ProgressView view = common.view()) {
            System.out.print(BoundJob.run(new RunFolder(run), delta, draws, radius, rows, common.seed(), view));
        }
        return 0;
    }
}
