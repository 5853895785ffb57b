package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.evaluate.mtbench.MtBenchAnswer;
import org.metaapo.evaluate.mtbench.MtBenchCalls;
import org.metaapo.evaluate.mtbench.MtBenchEvaluation;
import org.metaapo.evaluate.mtbench.MtBenchGames;
import org.metaapo.evaluate.mtbench.MtBenchJudging;
import org.metaapo.evaluate.mtbench.MtBenchMode;
import org.metaapo.evaluate.mtbench.MtBenchPrompts;
import org.metaapo.evaluate.mtbench.MtBenchQuestions;
import org.metaapo.evaluate.mtbench.MtBenchReferences;
import org.metaapo.evaluate.mtbench.PairJudgment;
import org.metaapo.evaluate.mtbench.SingleJudgment;
import org.metaapo.evaluate.page.ModelView;
import org.metaapo.files.AtomicFiles;
import org.metaapo.text.Message;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code metaapo evaluate mt-bench}. */
@Command(
        name = "mt-bench",
        description = "MT-Bench: mean ratings by turn and category, or rates of pairwise games.",
        mixinStandardHelpOptions = true)
final class MtBenchCommand extends BenchmarkCommand {
    @Option(names = "--questions", paramLabel = "FILE", description = "question.jsonl: which questions there are (default: the official ids, 81 to 160)")
    private Path questions;

    @Option(names = "--judge-prompts", paramLabel = "FILE", description = "judge_prompts.jsonl: what the judge is told")
    private Path prompts;

    @Option(names = "--reference-answers", paramLabel = "FILE", description = "reference answers to the questions of math, reasoning and coding")
    private Path references;

    @Option(names = "--mode", defaultValue = "single", description = "ratings of answers (single), or games of two models (pairwise) (${DEFAULT-VALUE})")
    private MtBenchMode mode;

    @Option(names = "--baseline-model", paramLabel = "M", description = "pairwise: the model that all others are compared with (default: all pairs are compared)")
    private String baseline;

    @Override
    public Integer call() {
        boolean isJudged = source.isGiven() || judging.isGiven();
        options.check(isJudged, questions, prompts, references);
        MtBenchQuestions known = questions == null ? MtBenchQuestions.official() : MtBenchQuestions.read(questions);
        options.doubtful().check(known.ids());
        if (isJudged) {
            return judged(known);
        }
        List<Path> files = options.annotations();
        if (mode == MtBenchMode.SINGLE) {
            return show(known, repeats(files.stream().map(SingleJudgment::read), SingleJudgment::judged));
        }
        List<List<PairJudgment>> repeats = repeats(files.stream().map(PairJudgment::read)
                .map(rows -> rows.stream().filter(row -> baseline == null || row.isOf(baseline)).toList()), PairJudgment::judged);
        if (repeats.stream().anyMatch(List::isEmpty)) {
            throw new DataException("--annotations have no games against " + baseline);
        }
        return showPairs(known, repeats);
    }

    /** The judgments of each repeat; in a file each model, or pair of models, may be once. */
    private <T> List<List<T>> repeats(Stream<List<T>> files, Function<T, Repeats.Judged> view) {
        List<List<T>> sets = new ArrayList<>();
        files.forEach(rows -> sets.addAll(rows.stream().collect(Collectors.groupingBy(row -> view.apply(row).model(), LinkedHashMap::new, Collectors.toList())).values()));
        return sets.isEmpty() ? List.of(List.of()) : Repeats.of(options.repeats(), sets, view).stream().map(models -> models.stream().flatMap(List::stream).toList()).toList();
    }

    private Integer showPairs(MtBenchQuestions known, List<List<PairJudgment>> repeats) {
        DoubtfulQuestions doubtful = options.doubtful();
        return show(doubtful, repeats, evaluation(known)::pairs,
                rows -> evaluation(known.without(doubtful)).pairs(doubtful.others(rows, row -> Integer.toString(row.question()), row -> row.judged().model())),
                rows -> ModelView.mtBenchPairs(rows, known), "won turns, %", false);
    }

    private Integer show(MtBenchQuestions known, List<List<SingleJudgment>> repeats) {
        DoubtfulQuestions doubtful = options.doubtful();
        return show(doubtful, repeats, evaluation(known)::single,
                rows -> evaluation(known.without(doubtful)).single(doubtful.others(rows, row -> Integer.toString(row.question()), SingleJudgment::model)),
                rows -> ModelView.mtBench(rows, known), "rating", false);
    }

    private MtBenchEvaluation evaluation(MtBenchQuestions known) {
        return new MtBenchEvaluation(known, options.rounds(), common.seed(), mayBePartial());
    }

    private Integer judged(MtBenchQuestions known) {
        checkJudge();
        needed(questions, "--questions", "fastchat/llm_judge/data/mt_bench/question.jsonl of the repository lm-sys/FastChat");
        MtBenchPrompts texts = MtBenchPrompts.read(needed(prompts, "--judge-prompts", MtBenchPrompts.OFFICIAL), mode);
        List<MtBenchQuestions.Question> wanted = known.list().stream().limit(source.most()).toList();
        List<List<MtBenchAnswer>> models = new ArrayList<>(source.answers().stream().map(MtBenchAnswer::read).toList());
        Set<String> names = new HashSet<>();
        Stream.concat(models.stream().map(answers -> answers.get(0).model()), source.isModel() ? Stream.of(source.name()) : Stream.empty())
                .filter(name -> !names.add(name)).findFirst().ifPresent(name -> {
                    throw new DataException("--answers: answers of " + name + " twice; expected each model once" + (source.isModel() ? ", or another --name" : ""));
                });
        try (JudgedRun run = new JudgedRun(source, judging, common, options)) {
            if (source.isModel()) {
                models.add(answered(run, wanted));
            }
            MtBenchReferences answers = MtBenchReferences.read(references);
            MtBenchCalls calls = mode == MtBenchMode.SINGLE ? new MtBenchJudging(wanted, models, texts, answers, options.allowPartial())
                    : new MtBenchGames(wanted, models, baseline, texts, answers, options.allowPartial());
            return judged(run, calls, known);
        }
    }

    private Integer judged(JudgedRun run, MtBenchCalls calls, MtBenchQuestions known) {
        try (AnswerJudge judge = run.judge()) {
            JudgeSetup setup = calls.setup(judge.setup());
            run.tell(calls.doubtful());
            if (judging.isDryRun()) {
                return run.estimate(calls.requests(), setup);
            }
            List<List<Outcome>> outcomes = run.ask(judge, calls.requests(), setup);
            List<List<JsonFields>> repeats = new ArrayList<>();
            String kind = mode == MtBenchMode.SINGLE ? "_single.jsonl" : "_pair.jsonl";
            for (int r = 0; r < outcomes.size(); r++) {
                List<JsonFields> rows = calls.rows(outcomes.get(r), setup);
                run.mark(rows, r);
                AtomicFiles.write(options.folder(r).resolve("model_judgment").resolve(EvaluationResult.fileName(setup.judge()) + kind), JsonFields.text(rows));
                repeats.add(rows);
            }
            run.refuseFailures(outcomes);
            return mode == MtBenchMode.SINGLE ? show(known, repeats.stream().map(rows -> rows.stream().map(SingleJudgment::of).toList()).toList())
                    : showPairs(known, repeats.stream().map(rows -> rows.stream().map(PairJudgment::of).toList()).toList());
        }
    }

    /** Each turn with the answers before it. */
    private List<MtBenchAnswer> answered(JudgedRun run, List<MtBenchQuestions.Question> wanted) {
        int most = source.maxNewTokens(MtBenchJudging.NEW_TOKENS);
        List<List<String>> turns = new ArrayList<>();
        wanted.forEach(question -> turns.add(new ArrayList<>()));
        int last = wanted.stream().mapToInt(question -> question.turns().size()).max().orElse(0);
        if (judging.isDryRun()) {
            for (int i = 0; i < wanted.size(); i++) {
                turns.get(i).addAll(wanted.get(i).turns().stream().map(turn -> run.placeholder(most)).toList());
            }
        } else {
            try (JudgedRun.Answerer answerer = run.answerer(Map.of("temperature", source.temperature(-1) < 0 ? "by category" : source.temperature(0), "max_new_tokens", most))) {
                for (int turn = 0; turn < last; turn++) {
                    answer(answerer, wanted, turns, turn, most);
                }
            }
        }
        List<MtBenchAnswer> answers = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            if (turns.get(i).size() < wanted.get(i).turns().size()) {
                continue;
            }
            JsonFields row = new JsonFields(MtBenchAnswer.line(wanted.get(i).id(), UUID.randomUUID().toString(), source.name(), turns.get(i),
                    System.currentTimeMillis() / 1000.0), "answer to question " + wanted.get(i).id());
            answers.add(new MtBenchAnswer(wanted.get(i).id(), source.name(), turns.get(i), row));
        }
        if (!judging.isDryRun()) {
            AtomicFiles.write(options.out().resolve("model_answer").resolve(EvaluationResult.fileName(source.name()) + ".jsonl"),
                    JsonFields.text(answers.stream().map(MtBenchAnswer::row).toList()));
        }
        return answers;
    }

    private void answer(JudgedRun.Answerer answerer, List<MtBenchQuestions.Question> wanted, List<List<String>> turns, int turn, int most) {
        List<Integer> having = new ArrayList<>();
        List<JudgeRequest> requests = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            MtBenchQuestions.Question question = wanted.get(i);
            // A question whose turn before has no answer is not gone on with.
            if (turn < question.turns().size() && turns.get(i).size() == turn) {
                List<Message> messages = new ArrayList<>();
                for (int before = 0; before < turn; before++) {
                    messages.add(new Message("user", question.turns().get(before)));
                    messages.add(new Message("assistant", turns.get(i).get(before)));
                }
                messages.add(new Message("user", question.turns().get(turn)));
                having.add(i);
                requests.add(new JudgeRequest(messages, most, source.temperature(MtBenchJudging.temperature(question.category())), 0, List.of()));
            }
        }
        List<String> texts = answerer.answer(requests, "answering turn " + (turn + 1));
        for (int k = 0; k < having.size(); k++) {
            if (texts.get(k) != null) {
                // Stripped, as the official program does with what a model has generated.
                turns.get(having.get(k)).add(texts.get(k).strip());
            }
        }
    }
}
