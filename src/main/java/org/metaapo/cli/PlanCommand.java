package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.error.DeviceException;
import org.metaapo.jobs.PlanJob;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunSize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo plan}. */
@Command(name = "plan", description = "Tokens, memory and time expected of a run; reads no weights.", mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "the configuration")
    private Path config;

    @Parameters(index = "1..*", paramLabel = "key=value", description = "override a key")
    private List<String> overrides = List.of();

    @Option(names = "--quiet", description = "no notes on standard error")
    private boolean quiet;

    @Override
    public Integer call() {
        System.out.print(plan(RunConfig.load(config, overrides), quiet));
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
