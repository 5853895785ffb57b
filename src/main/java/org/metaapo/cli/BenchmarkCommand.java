package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.RepeatedResult;
import org.metaapo.evaluate.page.EvaluationPage;
import org.metaapo.evaluate.page.ModelView;
import picocli.CommandLine.Mixin;

/** What the commands of all benchmarks take. */
abstract class BenchmarkCommand implements Callable<Integer> {
    @Mixin
    CommonOptions common;

    @Mixin
    EvaluateOptions options;

    @Mixin
    AnswerSourceOptions source;

    @Mixin
    JudgeOptions judging;

    /** A file that judging takes; a UsageException says which official one is missing. */
    static Path needed(Path file, String option, String what) {
        if (file == null) {
            throw new UsageException(option + " is not given; expected the path of " + what);
        }
        return file;
    }

    /** Looks at what judging takes. */
    void checkJudge() {
        source.check();
        judging.check();
        if (!judging.isGiven()) {
            throw new UsageException("no judge is given; expected --judge URL|DIR or --judge-command");
        }
    }

    /**
     * Scores each repeat, writes its own figures, and shows the medians, or what the only one has.
     *
     * @param score of a repeat
     * @param others score of the questions that are not doubtful
     * @param views what the page has of a repeat
     */
    <T> Integer show(
            DoubtfulQuestions doubtful, List<T> repeats, Function<T, EvaluationResult> score, Function<T, EvaluationResult> others, Function<T, List<ModelView>> views,
            String unit, boolean isByCategory) {
        List<EvaluationResult> results = new ArrayList<>();
        for (T repeat : repeats) {
            EvaluationResult all = score.apply(repeat);
            results.add(doubtful.isEmpty() ? all : doubtful.beside(all, others.apply(repeat)));
        }
        for (int r = 0; r < results.size() && results.size() > 1 && options.out() != null; r++) {
            results.get(r).write(options.folder(r));
        }
        return EvaluateOptions.show(EvaluationPage.add(RepeatedResult.of(results), ModelView.of(repeats.stream().map(views).toList()), unit, isByCategory, common.seed()), options.out());
    }

    /** Whether a part of the questions may be scored. */
    boolean mayBePartial() {
        return options.allowPartial() || source.isLimited();
    }
}
