package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.compare.ComparisonReport;
import org.metaapo.compare.Suite;
import org.metaapo.error.RunFailedException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo compare}. */
@Command(name = "compare", description = "Runs methods times seeds and prints one table; continues where it was stopped.", mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "SUITE.yaml", description = "what to compare; - for standard input")
    private Path suite;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    @Override
    public Integer call() {
        Suite read = Suite.load(suite);
        try (ProgressView view = new ProgressView(quiet)) {
            ComparisonReport.Written written = ComparisonReport.write(read, view, Signals.askToStop(RunOptions.STOPPING));
            System.out.print(written.table());
            System.out.println();
            System.out.println("report   " + written.page());
            if (!written.failures().isEmpty()) {
                throw new RunFailedException(written.failures().size() + " of the suite's tasks failed, first: " + written.failures().get(0)
                        + "; the same command tries them again");
            }
        }
        return 0;
    }
}
