package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.compare.ComparisonReport;
import org.metaapo.compare.SuiteMap;
import org.metaapo.error.RunFailedException;
import org.metaapo.train.StopSignal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo compare}. */
@Command(name = "compare", description = "Runs methods times seeds and prints one table; continues where it was stopped.", mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "SUITE.yaml", description = "what to compare, one after the other; - for standard input")
    private List<Path> suites;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    @Override
    public Integer call() {
        List<SuiteMap> all = suites.stream().map(SuiteMap::load).toList(); // so that a mistake in the last is found before the first runs
        StopSignal stop = Signals.askToStop(RunOptions.STOPPING);
        List<String> failures = new ArrayList<>();
        try (ProgressView view = new ProgressView(quiet)) {
            for (SuiteMap suite : all) {
                ComparisonReport.Written written = ComparisonReport.write(suite, view, stop);
                System.out.print(written.table());
                System.out.println();
                System.out.println("report   " + written.page());
                failures.addAll(written.failures());
            }
        }
        if (!failures.isEmpty()) {
            throw new RunFailedException(failures.size() + " of the suite's tasks failed, first: " + failures.get(0) + "; the same command tries them again");
        }
        return 0;
    }
}
