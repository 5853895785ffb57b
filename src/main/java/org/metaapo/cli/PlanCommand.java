package org.metaapo.cli;

import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.error.DeviceException;
import org.metaapo.jobs.PlanJob;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunSize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code metaapo plan}. */
@Command(name = "plan", description = "Tokens, memory and time expected of a run; reads no weights.", mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
    @Mixin
    private RunOptions options;

    @Override
    public Integer call() {
        System.out.print(plan(options.load(), options.quiet()));
        return 0;
    }

    static String plan(RunConfig run, boolean quiet) {
        RunSize size = Recipes.size(run, new ProgressView(quiet));
        try (Engine engine = open(run, quiet)) {
            return PlanJob.run(engine, run, size);
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
