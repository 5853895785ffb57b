package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.metaapo.compare.ComparisonReport;
import org.metaapo.compare.SuiteMap;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.train.StopSignal;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo compare}. */
@Command(name = "compare", description = "Runs methods times seeds and prints one table; continues where it was stopped.", mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
    /** A suite's file or {@code key=value}; the other is null. */
    record Argument(Path suite, String override) {}

    /** Tells the two apart. */
    static final class ArgumentConverter implements ITypeConverter<Argument> {
        @Override
        public Argument convert(String text) {
            return OVERRIDE.matcher(text).matches() ? new Argument(null, text) : new Argument(Main.path(text), null);
        }
    }

    /** A suite whose name looks so is given with its folder, such as {@code ./a=b.yaml}. */
    private static final Pattern OVERRIDE = Pattern.compile("[A-Za-z_][A-Za-z0-9_.]*=.*", Pattern.DOTALL);

    @Parameters(
            arity = "1..*", converter = ArgumentConverter.class, paramLabel = "SUITE.yaml|key=value",
            description = "what to compare, one after the other, - for standard input; keys of the suites in place of their own, such as threads=2, "
                    + "world.prompts=[test.jsonl], or common.train.batch=32 for a configuration key of all methods")
    private List<Argument> arguments;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    @Override
    public Integer call() {
        List<String> overrides = arguments.stream().map(Argument::override).filter(Objects::nonNull).toList();
        List<SuiteMap> all = arguments.stream().map(Argument::suite).filter(Objects::nonNull)
                .map(file -> SuiteMap.load(file, overrides)).toList(); // so that a mistake in the last is found before the first runs
        if (all.isEmpty()) {
            throw new UsageException("no suite beside " + String.join(" ", overrides) + "; expected a file, such as examples/suites/methods.yaml");
        }
        checkFolders(all);
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

    private static void checkFolders(List<SuiteMap> suites) {
        Map<Path, String> folders = new HashMap<>();
        for (SuiteMap suite : suites) {
            String other = folders.put(suite.out().toAbsolutePath().normalize(), suite.where());
            if (other != null) {
                throw new UsageException(suite.where() + ": out is " + suite.out() + ", as in " + other + "; expected a folder of its own for each suite");
            }
        }
    }
}
