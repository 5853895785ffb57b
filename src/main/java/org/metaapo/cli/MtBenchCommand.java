package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.evaluate.mtbench.MtBenchEvaluation;
import org.metaapo.evaluate.mtbench.MtBenchQuestions;
import org.metaapo.evaluate.mtbench.PairJudgment;
import org.metaapo.evaluate.mtbench.SingleJudgment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate mt-bench}. */
@Command(
        name = "mt-bench",
        description = "MT-Bench: mean ratings by turn and category, or rates of pairwise games.",
        mixinStandardHelpOptions = true)
final class MtBenchCommand implements Callable<Integer> {
    /** How answers are judged. */
    enum Mode {
        SINGLE,
        PAIRWISE
    }

    @Mixin
    private CommonOptions common;

    @Mixin
    private EvaluateOptions options;

    @Option(names = "--questions", paramLabel = "FILE", description = "question.jsonl: which questions there are (default: the official ids, 81 to 160)")
    private Path questions;

    @Option(names = "--mode", defaultValue = "single", description = "ratings of answers (single), or games of two models (pairwise) (${DEFAULT-VALUE})")
    private Mode mode;

    @Override
    public Integer call() {
        options.check(false, questions);
        List<Path> files = options.annotations();
        MtBenchEvaluation evaluation = new MtBenchEvaluation(
                questions == null ? MtBenchQuestions.official() : MtBenchQuestions.read(questions), options.rounds(), common.seed(), options.allowPartial());
        return options.show(mode == Mode.SINGLE
                ? evaluation.single(files.stream().flatMap(file -> SingleJudgment.read(file).stream()).toList())
                : evaluation.pairs(files.stream().flatMap(file -> PairJudgment.read(file).stream()).toList()));
    }
}
