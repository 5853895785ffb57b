package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.UsageException;
import picocli.CommandLine.Option;

/** Whose answers are judged. */
final class AnswerSourceOptions {
    @Option(names = "--answers", paramLabel = "FILE", arity = "1..*", description = "the benchmark's own files of answers, of any system; those of the baseline too where style is compared")
    private List<Path> answers = List.of();

    @Option(names = "--max-instances", paramLabel = "N", description = "judge the first N questions alone; the score is marked partial")
    private Integer most;

    /** Files of answers. */
    List<Path> answers() {
        return answers;
    }

    /** Whether answers are given or made. */
    boolean isGiven() {
        return !answers.isEmpty();
    }

    /** How many questions are looked at. */
    int most() {
        if (most != null && most < 1) {
            throw new UsageException("--max-instances is " + most + "; expected 1 or more");
        }
        return most == null ? Integer.MAX_VALUE : most;
    }
}
