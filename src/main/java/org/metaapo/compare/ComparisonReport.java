package org.metaapo.compare;

import java.nio.file.Path;
import org.metaapo.files.AtomicFiles;
import org.metaapo.report.HtmlPage;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Runs a suite and writes {@code table.md}, {@code results.csv} and {@code report.html} into its folder. */
public final class ComparisonReport {
    private ComparisonReport() {}

    /**
     * What came of a suite.
     *
     * @param table aligned for a terminal
     * @param page the report
     * @param failures one line each; empty where every run succeeded
     */
    public record Written(String table, Path page, java.util.List<String> failures) {}

    /**
     * Runs what is not finished yet, then writes everything.
     *
     * @throws org.metaapo.error.UsageException if a configuration is wrong; nothing has run then
     * @throws org.metaapo.error.InterruptedRunException after a stop; the same call goes on
     */
    public static Written write(Suite suite, RunListener listener, StopSignal stop) {
        Results results = Comparison.run(suite, listener, stop);
        Summary summary = Summary.of(results);
        Table table = new Table(results, summary);
        Path page = suite.out().resolve("report.html");
        AtomicFiles.write(suite.out().resolve("table.md"), table.markdown());
        AtomicFiles.write(suite.out().resolve("results.csv"), ResultsCsv.text(results));
        AtomicFiles.write(page, HtmlPage.text(
                ComparisonReport.class, "compare", "metaapo compare", new ComparisonData(results, summary).json()));
        return new Written(
                table.text(), page, results.failures().entrySet().stream().map(f -> f.getKey() + ": " + f.getValue()).toList());
    }
}
