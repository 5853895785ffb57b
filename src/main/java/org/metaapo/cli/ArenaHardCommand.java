package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.evaluate.arena.ArenaEvaluation;
import org.metaapo.evaluate.arena.ArenaJudging;
import org.metaapo.evaluate.arena.ArenaJudgment;
import org.metaapo.evaluate.arena.ArenaOptions;
import org.metaapo.evaluate.arena.ArenaPrompts;
import org.metaapo.evaluate.arena.ArenaQuestions;
import org.metaapo.evaluate.arena.ArenaSolver;
import org.metaapo.evaluate.arena.ArenaStyles;
import org.metaapo.evaluate.arena.ArenaVersion;
import org.metaapo.evaluate.arena.Resamples;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.evaluate.page.ModelView;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.files.AtomicFiles;
import org.metaapo.text.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate arena-hard}. */
@Command(
        name = "arena-hard",
        description = "Arena-Hard v2.0 and v0.1: scores against a baseline, with and without style control.",
        mixinStandardHelpOptions = true)
final class ArenaHardCommand extends BenchmarkCommand {
    /** What is controlled for. */
    enum Feature {
        LENGTH,
        MARKDOWN
    }

    @Option(names = "--judge-config", paramLabel = "FILE", description = "arena-hard-v2.0.yaml: the template of what the judge is told")
    private Path config;

    @Option(names = "--judge-settings", paramLabel = "FILE", description = "judge_utils.py: what the judge is told in each category, and the categories' baselines")
    private Path settings;

    @Option(names = "--pool", paramLabel = "FILE", arity = "1..*",
            description = "judgments of a fixed pool: each model of --annotations is fitted with it alone (default: all models of --annotations together)")
    private List<Path> pool = List.of();

    @Option(names = "--tokenizer", paramLabel = "DIR", description = "folder of the tokenizer that counts tokens where the answers do not say")
    private Path tokenizer;

    @Option(names = "--questions", paramLabel = "FILE", description = "question.jsonl: which questions there are")
    private Path questions;

    @Option(names = "--features", paramLabel = "F", split = ",", arity = "1..*",
            description = "what style control takes out: length, markdown (default: both where --answers is given)")
    private List<Feature> features = List.of();

    @Option(names = "--category", paramLabel = "C", split = ",", description = "categories that are scored (default: all)")
    private List<String> categories = List.of();

    @Option(names = "--mode", defaultValue = "compatible",
            description = "style control's fit: 50 steps, as the official program (compatible), or to its optimum (exact) (${DEFAULT-VALUE})")
    private ArenaSolver mode;

    @Option(names = "--protocol", paramLabel = "V", defaultValue = "v2.0",
            description = "whose verdicts and scores: v2.0, or v0.1, where each game counts alone and ratings are Elo's (${DEFAULT-VALUE})")
    private ArenaVersion version;

    @Option(names = "--baseline", paramLabel = "M", defaultValue = "gpt-4-0314",
            description = "the baseline's name in judgments that do not have it, as those of v0.1 (${DEFAULT-VALUE})")
    private String baseline;

    @Override
    public Integer call() {
        if (!source.isGiven() && !features.isEmpty()) {
            throw new UsageException("--features without --answers: style control compares the answers; give the files of every model and of the baseline");
        }
        options.check(source.isModel() || judging.isGiven(), questions);
        ArenaQuestions known = questions == null ? ArenaQuestions.unknown() : ArenaQuestions.read(questions);
        if (questions != null) {
            options.doubtful().check(known.ids());
        }
        List<List<ArenaJudgment>> fixed = pool.stream().map(file -> ArenaJudgment.read(file, version, baseline)).toList();
        if (!source.isModel() && !judging.isGiven()) {
            List<List<ArenaJudgment>> models = options.annotations().stream().map(file -> ArenaJudgment.read(file, version, baseline)).toList();
            return show(Repeats.of(options.repeats(), models, ArenaJudgment::judged), fixed, known, source.answers(), source.isGiven());
        }
        return judged(known, fixed);
    }

    private Integer judged(ArenaQuestions known, List<List<ArenaJudgment>> fixed) {
        checkJudge();
        needed(questions, "--questions", "data/arena-hard-v2.0/question.jsonl of the dataset lmarena-ai/arena-hard-auto");
        ArenaPrompts prompts = ArenaPrompts.read(needed(config, "--judge-config", ArenaPrompts.CONFIG), settings);
        List<ArenaQuestions.Question> wanted = known.list().stream().filter(question -> categories.isEmpty() || categories.contains(question.category()))
                .limit(source.most()).toList();
        try (JudgedRun run = new JudgedRun(source, judging, common, options)) {
            List<Path> files = new ArrayList<>(source.answers());
            Map<String, Map<String, String>> answers = ArenaAnswers.read(files);
            if (source.isModel()) {
                ArenaAnswers.make(run, source, judging, wanted, answers, options.out(), tokenizer).ifPresent(files::add);
            }
            Function<String, String> baselines = category -> prompts.baselines().getOrDefault(category, baseline);
            Set<String> bases = wanted.stream().map(question -> baselines.apply(question.category())).collect(Collectors.toSet());
            List<String> models = answers.keySet().stream().filter(model -> !bases.contains(model)).toList();
            ArenaJudging calls = new ArenaJudging(wanted, answers, models, baselines, prompts, version, options.allowPartial());
            return judged(run, calls, known, fixed, files);
        }
    }

    private Integer judged(JudgedRun run, ArenaJudging calls, ArenaQuestions known, List<List<ArenaJudgment>> fixed, List<Path> files) {
        try (AnswerJudge judge = run.judge()) {
            JudgeSetup setup = calls.setup(judge.setup());
            run.tell(calls.doubtful());
            if (judging.isDryRun()) {
                return run.estimate(calls.requests(), setup);
            }
            List<List<Outcome>> outcomes = run.ask(judge, calls.requests(), setup);
            List<List<Outcome>> again = run.askEach(judge, outcomes.stream().map(calls::again).toList(), setup);
            List<List<List<ArenaJudgment>>> repeats = new ArrayList<>();
            for (int r = 0; r < outcomes.size(); r++) {
                Path folder = options.folder(r).resolve("model_judgment").resolve(EvaluationResult.fileName(setup.judge()));
                Map<String, List<JsonFields>> rows = calls.rows(outcomes.get(r), again.get(r), setup);
                for (Map.Entry<String, List<JsonFields>> model : rows.entrySet()) {
                    run.mark(model.getValue(), r);
                    AtomicFiles.write(folder.resolve(EvaluationResult.fileName(model.getKey()) + ".jsonl"), JsonFields.text(model.getValue()));
                }
                repeats.add(rows.values().stream().map(lines -> lines.stream().map(line -> ArenaJudgment.of(line, version, baseline)).toList()).toList());
            }
            run.refuseFailures(Stream.concat(outcomes.stream(), again.stream()).toList());
            boolean isStyled = tokenizer != null || ArenaStyles.areCounted(files);
            if (!isStyled) {
                System.err.println("metaapo: no style control: an answer has no metadata.token_len, and --tokenizer DIR is not given");
            }
            return show(repeats, fixed, known, files, isStyled);
        }
    }

    /** @param repeats the judgments of each model in each */
    private Integer show(List<List<List<ArenaJudgment>>> repeats, List<List<ArenaJudgment>> fixed, ArenaQuestions known, List<Path> files, boolean isStyled) {
        DoubtfulQuestions doubtful = options.doubtful();
        if (known.list().isEmpty()) {
            doubtful.check(repeats.get(0).stream().flatMap(List::stream).map(ArenaJudgment::question).collect(Collectors.toSet()));
        }
        ArenaStyles styles = isStyled ? styles(files) : null;
        return show(doubtful, repeats, models -> ArenaEvaluation.of(models, fixed, known, styles, asked(isStyled)),
                models -> ArenaEvaluation.of(others(models, doubtful), others(fixed, doubtful), known.without(doubtful), styles, asked(isStyled)),
                models -> ModelView.arena(models, version, known, files), "win rate, %", true);
    }

    /** Of the categories that are scored. */
    private List<List<ArenaJudgment>> others(List<List<ArenaJudgment>> models, DoubtfulQuestions doubtful) {
        return models.stream().map(rows -> rows.stream().filter(row -> categories.isEmpty() || categories.contains(row.category())).toList())
                .map(rows -> doubtful.others(rows, ArenaJudgment::question, row -> row.model() + ", " + row.category())).filter(rows -> !rows.isEmpty()).toList();
    }

    private ArenaOptions asked(boolean isStyled) {
        return new ArenaOptions(version, isStyled ? styleFeatures() : List.of(), mode, new Resamples(options.rounds(), common.seed()), categories,
                mayBePartial());
    }

    private List<StyleFeature> styleFeatures() {
        List<StyleFeature> wanted = new ArrayList<>();
        if (features.isEmpty() || features.contains(Feature.LENGTH)) {
            wanted.addAll(StyleFeature.LENGTH);
        }
        if (features.isEmpty() || features.contains(Feature.MARKDOWN)) {
            wanted.addAll(StyleFeature.MARKDOWN);
        }
        return wanted;
    }

    private ArenaStyles styles(List<Path> answers) {
        if (tokenizer == null) {
            return ArenaStyles.read(answers, null);
        }
        try (Tokenizer counter = Tokenizer.load(tokenizer)) {
            return ArenaStyles.read(answers, text -> counter.encode(text).length);
        }
    }
}
