package org.metaapo.cli;

import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.error.DeviceException;
import org.metaapo.error.UsageException;
import org.metaapo.jobs.PlanJob;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunSize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo plan}. */
@Command(name = "plan", description = "Tokens, memory and time expected of a run; reads no weights.", mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
    @Mixin
    private RunOptions options;

    @Option(names = "--ranks", paramLabel = "N", defaultValue = "1", description = "plan for N processes too, by what they share out (default: ${DEFAULT-VALUE})")
    private int ranks;

    @Override
    public Integer call() {
        if (ranks < 1) {
            throw new UsageException("--ranks is " + ranks + "; expected 1 or more");
        }
        System.out.print(plan(options.load(), ranks, options.quiet()));
        return 0;
    }

    static String plan(RunConfig run, int ranks, boolean quiet) {
        RunSize size = Recipes.size(run, ranks, new ProgressView(quiet));
        try (Engine engine = open(run, quiet)) {
            return PlanJob.run(engine, run, size, ranks);
        }
    }

    /** A GPU may be planned for where there is none: then null. */
    private static Engine open(RunConfig run, boolean quiet) {
        try {
            return Engine.open(DeviceSpec.parse(run.text("device")), run.count("threads"));
        } catch (DeviceException e) {
            if (!quiet) {
                System.err.println(e.getMessage());
            }
            return null;
        }
    }
}
