package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.jobs.ExportJob;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo export}. */
@Command(
        name = "export", description = "Shows a run's folder, finished or not, in TensorBoard, MLflow, Trackio or by a class of yours.",
        mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", description = "folder of the run")
    private Path run;

    @Option(names = "--tracker", required = true, paramLabel = "T",
            description = "as in the configuration's trackers: tensorboard, mlflow, trackio or {class: …, class_path: […]}; may be given several times")
    private List<String> trackers;

    @Override
    public Integer call() {
        RunFolder folder = new RunFolder(run);
        long lines = ExportJob.run(folder, RunConfig.trackers(trackers), System.getenv());
        System.out.printf(Locale.ROOT, "%,d lines of %s: %s%n", lines, folder.metrics(), String.join(", ", trackers));
        return 0;
    }
}
