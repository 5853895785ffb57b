package org.metaapo.compare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.RunLock;
import org.metaapo.report.HtmlPage;
import org.metaapo.report.Report;
import org.metaapo.train.OutCheck;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Runs a suite and writes {@code table.md}, {@code results.csv} and {@code report.html} into its folder. */
public final class ComparisonReport {
    /** Texts of rows in a run's report. */
    private static final int SAMPLES = 500;

    private ComparisonReport() {}

    /** The page of a run, which the suite's links to; not written again where its lines are older. */
    private static void writeOf(RunFolder run) {
        try {
            if (Files.exists(run.report()) && Files.getLastModifiedTime(run.report()).compareTo(Files.getLastModifiedTime(run.metrics())) >= 0) {
                return;
            }
        } catch (IOException e) {
            throw FileFailures.reading(run.metrics(), e);
        }
        Report.write(run, SAMPLES);
    }

    /**
     * What came of a suite.
     *
     * @param table aligned for a terminal
     * @param page the report
     * @param failures one line each; empty where every run succeeded
     */
    public record Written(String table, Path page, List<String> failures) {}

    /**
     * Runs what is not finished yet, then writes everything; of a map its table, {@code map.csv} and page too.
     *
     * @throws org.metaapo.error.UsageException if a configuration is wrong; nothing has run then
     * @throws org.metaapo.error.InterruptedRunException after a stop; the same call goes on
     */
    public static Written write(SuiteMap map, RunListener listener, StopSignal stop) {
        if (!map.isMap()) {
            Results results = Comparison.run(map.first(), listener, stop);
            return write(results, Summary.of(results));
        }
        Path out = map.out();
        OutCheck.checkRunsFolder(out, List.of(out.resolve("table.md"), out.resolve("map.csv"), out.resolve("report.html")));
        try (RunLock lock = RunLock.acquire(out)) {
            List<ComparisonMap.World> worlds = new ArrayList<>();
            List<String> failures = new ArrayList<>();
            for (SuiteMap.Cell cell : map.cells()) {
                String name = cell.suite().out().getFileName().toString();
                listener.note("world " + (worlds.size() + 1) + " of " + map.cells().size() + ": " + name);
                Results results = Comparison.run(cell.suite(), listener, stop);
                ComparisonMap.World world = new ComparisonMap.World(cell, results, Summary.of(results));
                write(world.results(), world.summary()).failures().forEach(failure -> failures.add(name + ", " + failure));
                worlds.add(world);
            }
            return write(out, new ComparisonMap(map, worlds), failures);
        }
    }

    /** Writes what a map has found. */
    static Written write(Path out, ComparisonMap map, List<String> failures) {
        Path page = out.resolve("report.html");
        AtomicFiles.write(out.resolve("table.md"), map.markdown());
        AtomicFiles.write(out.resolve("map.csv"), map.csv());
        AtomicFiles.write(page, HtmlPage.text(ComparisonReport.class, "map", "metaapo compare", map.json()));
        return new Written(map.markdown(), page, failures);
    }

    private static Written write(Results results, Summary summary) {
        Path out = results.suite().out();
        Table table = new Table(results, summary);
        Path page = out.resolve("report.html");
        AtomicFiles.write(out.resolve("table.md"), table.markdown());
        AtomicFiles.write(out.resolve("results.csv"), ResultsCsv.text(results));
        results.runs().values().forEach(runs -> runs.stream().filter(run -> run.folder() != null).forEach(run -> writeOf(run.folder())));
        AtomicFiles.write(page, HtmlPage.text(
                ComparisonReport.class, "compare", "metaapo compare", new ComparisonData(results, summary).json()));
        return new Written(
                table.text(), page, results.failures().entrySet().stream().map(f -> f.getKey() + ": " + f.getValue()).toList());
    }
}
