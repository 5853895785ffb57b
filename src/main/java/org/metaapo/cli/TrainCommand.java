package org.metaapo.cli;

import java.nio.file.Files;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.ranks.RankPlace;
import org.metaapo.ranks.Ranks;
import org.metaapo.report.Report;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo train}. */
@Command(name = "train", description = "Runs a recipe; continues from the newest valid checkpoint of its folder.", mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
    @Mixin
    private RunOptions options;

    @Option(names = "--dry-run", description = "print the plan and stop")
    private boolean dryRun;

    @Mixin
    private WatchOption watch;

    @Mixin
    private RanksOption ranks;

    @Override
    public Integer call() {
        if (dryRun) {
            RunConfig run = options.load();
            System.out.print(PlanCommand.plan(run, 1, options.quiet()));
            return 0;
        }
        return ranks.run(() -> options.load(ranks), this::train);
    }

    private void train(Ranks joined, RunConfig asked) {
        RankPlace place = RankPlace.of(joined);
        RunConfig run = joined.agree(() -> options.load(asked, place));
        try (ProgressView view = new ProgressView(options.quiet() || !joined.leader())) {
            RunFolder folder = new RunFolder(run.path("out"));
            watch.during(folder.path(), joined.leader(), view, () -> {
                Recipes.run(run, view, Signals.askToStop(RunOptions.STOPPING), joined);
                joined.lead(() -> Report.write(folder));
            });
            view.note((Files.isDirectory(folder.adapter()) ? "adapter: " + folder.adapter() : "model: " + folder.model()) + "   report: " + folder.report());
        }
    }
}
