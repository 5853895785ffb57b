package org.metaapo.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.config.RunConfig;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.evaluate.alpaca.AlpacaEvaluation;
import org.metaapo.evaluate.alpaca.AlpacaJudging;
import org.metaapo.evaluate.alpaca.AlpacaPairs;
import org.metaapo.evaluate.alpaca.AlpacaPrompt;
import org.metaapo.evaluate.alpaca.Annotation;
import org.metaapo.evaluate.alpaca.Calibration;
import org.metaapo.evaluate.alpaca.ModelOutput;
import org.metaapo.evaluate.alpaca.RewardPreferences;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.LocalModel;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.evaluate.page.ModelView;
import org.metaapo.files.AtomicFiles;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Message;
import org.metaapo.train.RankingWatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate alpaca-eval}. */
@Command(
        name = "alpaca-eval",
        description = "AlpacaEval 2: win rates over a baseline, raw, discrete and length-controlled.",
        mixinStandardHelpOptions = true)
final class AlpacaEvalCommand extends BenchmarkCommand {
    private static final int MAX_NEW_TOKENS = 2048;
    private static final int REWARD_TOKENS = 8192;

    @Option(names = "--reference-outputs", paramLabel = "FILE",
            description = "the baseline's outputs in the official order: which instructions there are")
    private Path reference;

    @Option(names = "--calibration", paramLabel = "FILE", description = "df_gamed.csv, for the length-controlled win rate")
    private Path calibration;

    @Option(names = "--prompt", paramLabel = "FILE", description = "what the judge is told, alpaca_eval_clf.txt")
    private Path prompt;

    @Option(names = "--annotator", paramLabel = "NAME",
            description = "the judge's name in the annotations and of their folder, such as weighted_alpaca_eval_gpt4_turbo (default: the judge's model)")
    private String annotator;

    @Option(names = "--both-orders", description = "judge each pair in both orders, and take the mean; not the official score")
    private boolean isBothOrders;

    @Option(names = "--mode", defaultValue = "aligned",
            description = "difficulty by instruction (aligned) or, as the official program has it, by row number (compatible) (${DEFAULT-VALUE})")
    private AlpacaEvaluation.Mode mode;

    @Option(names = "--reward", paramLabel = "DIR|URL",
            description = "in place of a judge: the folder of a reward model, or the address of a service of rewards; not the official score")
    private String reward;

    @Override
    public Integer call() {
        boolean isJudged = source.isGiven() || judging.isGiven() || reward != null;
        options.check(isJudged, reference, calibration, prompt);
        if (!isJudged) {
            AlpacaEvaluation evaluation = evaluation();
            List<List<Annotation>> models = options.annotations().stream().map(Annotation::read).toList();
            return show(evaluation, Repeats.of(options.repeats(), models, Annotation::judged));
        }
        judging.check();
        source.check();
        if (reward != null && options.repeats() > 1) {
            throw new UsageException("--repeats with --reward: rewards are not drawn, and repeats of them are equal; expected a judge");
        }
        if (judging.isGiven() == (reward != null)) {
            throw new UsageException(reward == null ? "no judge is given; expected --judge URL|DIR, --judge-command or --reward DIR|URL" : "--reward and a judge are two; expected one");
        }
        List<ModelOutput> baseline = ModelOutput.read(needed(reference, "--reference-outputs",
                "the baseline's outputs: alpaca_eval_gpt4_baseline.json of the dataset tatsu-lab/alpaca_eval, or results/gpt4_1106_preview/model_outputs.json of the repository tatsu-lab/alpaca_eval"));
        AlpacaPrompt text = reward != null ? null : AlpacaPrompt.read(needed(prompt, "--prompt", AlpacaPrompt.OFFICIAL));
        AlpacaEvaluation evaluation = evaluation();
        List<ModelOutput> given = source.isModel() ? null : ModelOutput.read(answers());
        if (given != null) {
            AlpacaPairs.of(baseline, given, source.most(), options.allowPartial());
        }
        try (JudgedRun run = new JudgedRun(source, judging, common, options)) {
            List<ModelOutput> outputs = given == null ? answered(run, baseline) : given;
            AlpacaPairs pairs = AlpacaPairs.of(baseline, outputs, source.most(), options.allowPartial());
            return reward == null ? judge(run, new AlpacaJudging(pairs, text, isBothOrders), evaluation) : rewarded(run, pairs, evaluation);
        }
    }

    private List<ModelOutput> answered(JudgedRun run, List<ModelOutput> baseline) {
        List<ModelOutput> asked = baseline.subList(0, Math.min(source.most(), baseline.size()));
        int most = source.maxNewTokens(MAX_NEW_TOKENS);
        double temperature = source.temperature(0);
        if (judging.isDryRun()) {
            return asked.stream().map(one -> new ModelOutput(one.dataset(), one.instruction(), run.placeholder(most), source.name(), one.where())).toList();
        }
        List<String> texts;
        try (JudgedRun.Answerer answerer = run.answerer(Map.of("temperature", temperature, "max_new_tokens", most))) {
            texts = answerer.answer(asked.stream().map(one ->
                    new JudgeRequest(List.of(new Message("user", one.instruction())), most, temperature, 0, List.of())).toList(), "answering");
        }
        List<ModelOutput> outputs = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i) != null) {
                // Stripped, as the official program does with what a model has generated.
                outputs.add(new ModelOutput(asked.get(i).dataset(), asked.get(i).instruction(), texts.get(i).strip(), source.name(), "answer " + (i + 1)));
            }
        }
        AtomicFiles.write(options.out().resolve("model_outputs.json"), ModelOutput.text(outputs));
        return outputs;
    }

    private Integer judge(JudgedRun run, AlpacaJudging calls, AlpacaEvaluation evaluation) {
        try (AnswerJudge judge = run.judge()) {
            JudgeSetup setup = calls.setup(judge.setup());
            if (judging.isDryRun()) {
                return run.estimate(calls.requests(), setup);
            }
            List<List<Outcome>> outcomes = run.ask(judge, calls.requests(), setup);
            String name = annotator == null ? setup.judge() : annotator;
            List<List<List<Annotation>>> repeats = new ArrayList<>();
            for (int r = 0; r < outcomes.size(); r++) {
                List<Annotation> rows = calls.annotations(outcomes.get(r), new JudgeSetup(name, setup.setup()), run.budget());
                run.mark(rows.stream().map(Annotation::row).toList(), r);
                write(r, name, rows);
                repeats.add(List.of(rows));
            }
            run.refuseFailures(outcomes);
            return show(evaluation, repeats);
        }
    }

    private Integer rewarded(JudgedRun run, AlpacaPairs pairs, AlpacaEvaluation evaluation) {
        boolean isFolder = Files.isDirectory(Path.of(reward));
        RewardSource rewards = RewardSource.of(RunConfig.reward(List.of((isFolder ? "reward.path=" : "reward.url=") + reward)));
        rewards.check();
        if (judging.isDryRun()) {
            System.out.println("rewards of " + 2 * pairs.model().size() + " answers");
            return 0;
        }
        String name = "reward:" + (isFolder ? Path.of(reward).toAbsolutePath().normalize().getFileName() : reward);
        String identity = isFolder ? LocalModel.digest(Path.of(reward)) : rewards.identity();
        run.view().begin("scoring", pairs.model().size());
        List<Annotation> rows;
        try (Annotator annotator = rewards.open(isFolder ? run.engine() : null, common.dtype(), REWARD_TOKENS,
                isFolder ? null : options.out().resolve("rewards.jsonl"))) {
            rows = RewardPreferences.annotations(pairs, annotator, name, identity, new RankingWatch(run.view(), run.stop()));
        }
        run.view().end();
        write(0, name, rows);
        return show(evaluation, List.of(List.of(rows)));
    }

    /** @param repeats the annotations of each model in each */
    private Integer show(AlpacaEvaluation evaluation, List<List<List<Annotation>>> repeats) {
        DoubtfulQuestions doubtful = options.doubtful();
        if (reference == null) {
            doubtful.check(repeats.get(0).stream().flatMap(List::stream).map(Annotation::instruction).collect(Collectors.toSet()));
        }
        return show(doubtful, repeats, evaluation::of, models -> evaluation.of(models, doubtful), models -> models.stream().map(ModelView::alpaca).toList(), "win rate, %", false);
    }

    private void write(int repeat, String annotator, List<Annotation> rows) {
        AtomicFiles.write(options.folder(repeat).resolve(EvaluationResult.fileName(annotator)).resolve("annotations.json"), Annotation.text(rows));
    }

    private AlpacaEvaluation evaluation() {
        List<ModelOutput> outputs = reference == null ? null : ModelOutput.read(reference);
        if (outputs != null) {
            options.doubtful().check(outputs.stream().map(ModelOutput::instruction).collect(Collectors.toSet()));
        }
        return new AlpacaEvaluation(outputs, calibration == null ? null : Calibration.read(calibration), mode,
                mayBePartial());
    }

    private Path answers() {
        if (source.answers().size() != 1) {
            throw new UsageException("--answers: " + source.answers().size() + " files; expected one model's model_outputs.json: each model has a folder of its own");
        }
        return source.answers().get(0);
    }
}
