package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.report.Report;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code metaapo report}. */
@Command(name = "report", description = "Writes report.html from a run's folder.", mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", description = "folder of the run")
    private Path run;

    @Override
    public Integer call() {
        RunFolder folder = new RunFolder(run);
        Report.write(folder);
        System.out.println(folder.report());
        return 0;
    }
}
