package org.metaapo.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.EvaluationResult;
import picocli.CommandLine.Option;

/** What all benchmarks take. */
final class EvaluateOptions {
    private static final int MOST_ROUNDS = 1_000_000;

    @Option(names = "--annotations", paramLabel = "FILE", arity = "1..*", required = true,
            description = "the benchmark's own files of judgments; several models: several files")
    private List<Path> annotations;

    @Option(names = "--out", paramLabel = "DIR", description = "folder for metrics.json and the benchmark's own files")
    private Path out;

    @Option(names = "--allow-partial", description = "score what is judged although it is not all; it is marked partial")
    private boolean allowPartial;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "42", description = "of bootstraps (${DEFAULT-VALUE})")
    private long seed;

    @Option(names = "--bootstrap", paramLabel = "N", defaultValue = "100", description = "rounds of a bootstrap (${DEFAULT-VALUE})")
    private int rounds;

    /** The files of judgments, each of which may be standard input once. */
    List<Path> annotations(Path... others) {
        Inputs.once(Stream.concat(annotations.stream(), Arrays.stream(others).filter(Objects::nonNull)).toList());
        if (rounds < 2 || rounds > MOST_ROUNDS) {
            throw new UsageException("--bootstrap is " + rounds + "; expected 2 to " + MOST_ROUNDS);
        }
        if (out != null && Files.exists(out) && !Files.isDirectory(out)) {
            throw new UsageException("--out " + out + " is a file; expected a folder");
        }
        return annotations;
    }

    boolean allowPartial() {
        return allowPartial;
    }

    long seed() {
        return seed;
    }

    int rounds() {
        return rounds;
    }

    /** Prints what was found, and writes it where that was asked for. */
    Integer show(EvaluationResult result) {
        if (out != null) {
            result.write(out);
        }
        result.notes().forEach(note -> System.err.println("metaapo: " + note));
        System.out.print(result.table());
        return 0;
    }
}
