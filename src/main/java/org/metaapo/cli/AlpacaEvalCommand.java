package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.alpaca.AlpacaEvaluation;
import org.metaapo.evaluate.alpaca.AlpacaJudging;
import org.metaapo.evaluate.alpaca.AlpacaPairs;
import org.metaapo.evaluate.alpaca.AlpacaPrompt;
import org.metaapo.evaluate.alpaca.Annotation;
import org.metaapo.evaluate.alpaca.Calibration;
import org.metaapo.evaluate.alpaca.ModelOutput;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.Judging.Outcome;
import org.metaapo.files.AtomicFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate alpaca-eval}. */
@Command(
        name = "alpaca-eval",
        description = "AlpacaEval 2: win rates over a baseline, raw, discrete and length-controlled.",
        mixinStandardHelpOptions = true)
final class AlpacaEvalCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Mixin
    private EvaluateOptions options;

    @Mixin
    private AnswerSourceOptions source;

    @Mixin
    private JudgeOptions judging;

    @Option(names = "--reference-outputs", paramLabel = "FILE",
            description = "the baseline's outputs in the official order: which instructions there are")
    private Path reference;

    @Option(names = "--calibration", paramLabel = "FILE", description = "df_gamed.csv, for the length-controlled win rate")
    private Path calibration;

    @Option(names = "--prompt", paramLabel = "FILE", description = "what the judge is told, alpaca_eval_clf.txt")
    private Path prompt;

    @Option(names = "--both-orders", description = "judge each pair in both orders, and take the mean; not the official score")
    private boolean isBothOrders;

    @Option(names = "--mode", defaultValue = "aligned",
            description = "difficulty by instruction (aligned) or, as the official program has it, by row number (compatible) (${DEFAULT-VALUE})")
    private AlpacaEvaluation.Mode mode;

    @Override
    public Integer call() {
        boolean isJudged = source.isGiven() || judging.isGiven();
        options.check(isJudged, reference, calibration, prompt);
        if (!isJudged) {
            return options.show(evaluation().of(options.annotations().stream().map(Annotation::read).toList()));
        }
        judging.check();
        List<ModelOutput> baseline = ModelOutput.read(needed(reference, "--reference-outputs",
                "the baseline's outputs: alpaca_eval_gpt4_baseline.json of the dataset tatsu-lab/alpaca_eval, or results/gpt4_1106_preview/model_outputs.json of the repository tatsu-lab/alpaca_eval"));
        AlpacaPrompt text = AlpacaPrompt.read(needed(prompt, "--prompt", AlpacaPrompt.OFFICIAL));
        AlpacaEvaluation evaluation = evaluation();
        AlpacaPairs pairs = AlpacaPairs.of(baseline, ModelOutput.read(answers()), source.most(), options.allowPartial());
        return judge(pairs, new AlpacaJudging(pairs, text, isBothOrders), evaluation);
    }

    private Integer judge(AlpacaPairs pairs, AlpacaJudging calls, AlpacaEvaluation evaluation) {
        JudgedRun run = new JudgedRun(judging, common, options);
        try (AnswerJudge judge = judging.open()) {
            JudgeSetup setup = calls.setup(judge.setup());
            if (judging.isDryRun()) {
                return run.estimate(calls.requests(), setup);
            }
            List<Outcome> outcomes = run.ask(judge, calls.requests(), setup);
            List<Annotation> rows = calls.annotations(outcomes, setup);
            AtomicFiles.write(options.out().resolve(EvaluationResult.fileName(setup.judge())).resolve("annotations.json"), Annotation.text(rows));
            run.refuseFailures(outcomes);
            return options.show(evaluation.of(List.of(rows)));
        }
    }

    private AlpacaEvaluation evaluation() {
        return new AlpacaEvaluation(
                reference == null ? null : ModelOutput.read(reference), calibration == null ? null : Calibration.read(calibration), mode,
                options.allowPartial() || source.most() != Integer.MAX_VALUE);
    }

    private Path answers() {
        if (source.answers().size() != 1) {
            throw new UsageException("--answers: " + source.answers().size() + " files; expected one model's model_outputs.json: each model has a folder of its own");
        }
        return source.answers().get(0);
    }

    private static Path needed(Path file, String option, String what) {
        if (file == null) {
            throw new UsageException(option + " is not given; expected the path of " + what);
        }
        return file;
    }
}
