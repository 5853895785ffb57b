package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.report.Report;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo train}. */
@Command(name = "train", description = "Runs a recipe; continues from the newest valid checkpoint of its folder.", mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "the configuration")
    private Path config;

    @Parameters(index = "1..*", paramLabel = "key=value", description = "override a key, such as train.batch=32")
    private List<String> overrides = List.of();

    @Option(names = "--dry-run", description = "print the plan and stop")
    private boolean dryRun;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    @Override
    public Integer call() {
        RunConfig run = RunConfig.load(config, overrides);
        if (dryRun) {
            System.out.print(PlanCommand.plan(run, quiet));
            return 0;
        }
        try (ProgressView view = new ProgressView(quiet)) {
            Recipes.run(run, view, StopOnSignal.install());
            RunFolder folder = new RunFolder(run.path("out"));
            Report.write(folder);
            view.note("model: " + folder.model() + "   report: " + folder.report());
        }
        return 0;
    }
}
