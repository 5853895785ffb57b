package org.metaapo.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** What all benchmarks take. */
final class EvaluateOptions {
    private static final int MOST_ROUNDS = 1_000_000;
    private static final int MOST_REPEATS = 1000;

    @Option(names = "--annotations", paramLabel = "FILE", arity = "1..*",
            description = "the benchmark's own files of judgments, which are scored without a call; several models: several files")
    private List<Path> annotations = List.of();

    @Option(names = "--repeats", paramLabel = "N", defaultValue = "1",
            description = "judge all N times: figures are medians, with their spread; of --annotations N judgments of each model (${DEFAULT-VALUE})")
    private int repeats;

    @Option(names = "--doubtful", paramLabel = "FILE",
            description = "questions whose reference is doubtful, an id or an instruction a line or a JSON list: figures without them stand beside")
    private Path doubtful;

    private DoubtfulQuestions listed;

    @Option(names = "--out", paramLabel = "DIR", description = "folder for metrics.json and the benchmark's own files")
    private Path out;

    @Option(names = "--allow-partial", description = "score what is judged although it is not all; it is marked partial")
    private boolean allowPartial;

    @Option(names = "--bootstrap", paramLabel = "N", defaultValue = "100", description = "rounds of a bootstrap (${DEFAULT-VALUE})")
    private int rounds;

    @CommandLine.Spec(CommandLine.Spec.Target.MIXEE)
    private CommandLine.Model.CommandSpec command;

    /** Looks at what is given: judgments, or what there is to be judged, and a folder for what is made. */
    void check(boolean isJudged, Path... others) {
        Inputs.once(Stream.concat(annotations.stream(), Stream.concat(Arrays.stream(others), Stream.ofNullable(doubtful)).filter(Objects::nonNull)).toList());
        if (isJudged == !annotations.isEmpty()) {
            throw new UsageException(isJudged ? "--annotations are judgments that are made already; leave them out, or --answers, --model and the judge"
                    : "nothing to score: expected --annotations FILE, or --answers FILE or --model DIR with --judge URL|DIR, --judge-command or --reward (see " + command.qualifiedName() + " --help)");
        }
        if (isJudged && out == null) {
            throw new UsageException("--out DIR is not given; expected a folder for answers, judgments and figures, where the same command goes on");
        }
        if (rounds < 2 || rounds > MOST_ROUNDS) {
            throw new UsageException("--bootstrap is " + rounds + "; expected 2 to " + MOST_ROUNDS);
        }
        if (repeats < 1 || repeats > MOST_REPEATS) {
            throw new UsageException("--repeats is " + repeats + "; expected 1 to " + MOST_REPEATS);
        }
        if (out != null && Files.exists(out) && !Files.isDirectory(out)) {
            throw new UsageException("--out " + out + " is a file; expected a folder");
        }
    }

    List<Path> annotations() {
        return annotations;
    }

    /** Where everything goes; null where nothing is written. */
    Path out() {
        return out;
    }

    /** How often all is judged. */
    int repeats() {
        return repeats;
    }

    /** Where a repeat's own files go, counted from 0; null where nothing is written. */
    Path folder(int repeat) {
        return out == null || repeats == 1 ? out : out.resolve("repeat-" + (repeat + 1));
    }

    /** Questions that figures without them are wanted of. */
    DoubtfulQuestions doubtful() {
        if (listed == null) {
            listed = DoubtfulQuestions.read(doubtful);
        }
        return listed;
    }

    boolean allowPartial() {
        return allowPartial;
    }

    int rounds() {
        return rounds;
    }

    /** Prints what was found, and writes it with its page where that was asked for. */
    static Integer show(EvaluationResult result, Path out) {
        if (out != null) {
            result.write(out);
        }
        result.notes().forEach(note -> System.err.println("metaapo: " + note));
        System.out.print(result.table());
        return 0;
    }
}
