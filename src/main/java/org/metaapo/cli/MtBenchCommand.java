package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.JudgeReply;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.evaluate.mtbench.MtBenchAnswer;
import org.metaapo.evaluate.mtbench.MtBenchEvaluation;
import org.metaapo.evaluate.mtbench.MtBenchJudging;
import org.metaapo.evaluate.mtbench.MtBenchPrompts;
import org.metaapo.evaluate.mtbench.MtBenchQuestions;
import org.metaapo.evaluate.mtbench.PairJudgment;
import org.metaapo.evaluate.mtbench.SingleJudgment;
import org.metaapo.evaluate.page.EvaluationPage;
import org.metaapo.evaluate.page.ModelView;
import org.metaapo.files.AtomicFiles;
import org.metaapo.text.Message;
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

    @Mixin
    private AnswerSourceOptions source;

    @Mixin
    private JudgeOptions judging;

    @Option(names = "--questions", paramLabel = "FILE", description = "question.jsonl: which questions there are (default: the official ids, 81 to 160)")
    private Path questions;

    @Option(names = "--judge-prompts", paramLabel = "FILE", description = "judge_prompts.jsonl: what the judge is told")
    private Path prompts;

    @Option(names = "--reference-answers", paramLabel = "FILE", description = "reference answers to the questions of math, reasoning and coding")
    private Path references;

    @Option(names = "--mode", defaultValue = "single", description = "ratings of answers (single), or games of two models (pairwise) (${DEFAULT-VALUE})")
    private Mode mode;

    @Override
    public Integer call() {
        boolean isJudged = source.isGiven() || judging.isGiven();
        options.check(isJudged, questions, prompts, references);
        MtBenchQuestions known = questions == null ? MtBenchQuestions.official() : MtBenchQuestions.read(questions);
        if (isJudged) {
            return judged(known);
        }
        List<Path> files = options.annotations();
        return mode == Mode.SINGLE
                ? show(known, files.stream().flatMap(file -> SingleJudgment.read(file).stream()).toList())
                : EvaluateOptions.show(evaluation(known).pairs(files.stream().flatMap(file -> PairJudgment.read(file).stream()).toList()), options.out());
    }

    private Integer show(MtBenchQuestions known, List<SingleJudgment> rows) {
        return EvaluateOptions.show(EvaluationPage.add(evaluation(known).single(rows), ModelView.mtBench(rows, known.categories()::get), "rating", common.seed()), options.out());
    }

    private MtBenchEvaluation evaluation(MtBenchQuestions known) {
        return new MtBenchEvaluation(known, options.rounds(), common.seed(), options.allowPartial() || source.isLimited());
    }

    private Integer judged(MtBenchQuestions known) {
        source.check();
        judging.check();
        if (mode == Mode.PAIRWISE) {
            throw new UsageException("--mode pairwise takes --annotations; answers are judged one by one, in the mode single");
        }
        if (!judging.isGiven() || questions == null || prompts == null) {
            throw new UsageException(!judging.isGiven() ? "no judge is given; expected --judge URL|DIR or --judge-command"
                    : questions == null ? "--questions is not given; expected the path of fastchat/llm_judge/data/mt_bench/question.jsonl of the repository lm-sys/FastChat"
                    : "--judge-prompts is not given; expected the path of " + MtBenchPrompts.OFFICIAL);
        }
        MtBenchPrompts texts = MtBenchPrompts.read(prompts);
        List<MtBenchQuestions.Question> wanted = known.list().stream().limit(source.most()).toList();
        List<List<MtBenchAnswer>> models = new ArrayList<>(source.answers().stream().map(MtBenchAnswer::read).toList());
        try (JudgedRun run = new JudgedRun(source, judging, common, options)) {
            if (source.isModel()) {
                models.add(answered(run, wanted));
            }
            MtBenchJudging calls = new MtBenchJudging(wanted, models, texts, references, options.allowPartial());
            try (AnswerJudge judge = run.judge()) {
                JudgeSetup setup = calls.setup(judge.setup());
                if (judging.isDryRun()) {
                    return run.estimate(calls.requests(), setup);
                }
                List<Outcome> outcomes = run.ask(judge, calls.requests(), setup);
                List<JsonFields> rows = calls.rows(outcomes, setup);
                AtomicFiles.write(options.out().resolve("model_judgment").resolve(EvaluationResult.fileName(setup.judge()) + "_single.jsonl"), JsonFields.text(rows));
                run.refuseFailures(outcomes);
                return show(known, rows.stream().map(SingleJudgment::of).toList());
            }
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
            if (turn < question.turns().size()) {
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
        List<JudgeReply> replies = answerer.answer(requests, "answering turn " + (turn + 1));
        for (int k = 0; k < having.size(); k++) {
            turns.get(having.get(k)).add(replies.get(k).text());
        }
    }
}
