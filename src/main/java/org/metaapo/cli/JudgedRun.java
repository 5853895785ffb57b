package org.metaapo.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.metaapo.engine.Engine;
import org.metaapo.error.RunFailedException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.Budget;
import org.metaapo.evaluate.judge.DryRun;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Judging;
import org.metaapo.evaluate.judge.LocalModel;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.evaluate.judge.ReplyCache;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.train.StopSignal;

/** A command that makes answers or judgments: its engine, its calls, or what they would take. */
final class JudgedRun implements AutoCloseable {
    private static final int MOST_LISTED = 3;

    private final AnswerSourceOptions source;
    private final JudgeOptions options;
    private final CommonOptions common;
    private final EvaluateOptions evaluate;
    private final ProgressView view;
    private final Budget budget;
    private StopSignal stop;
    private Engine engine;

    JudgedRun(AnswerSourceOptions source, JudgeOptions options, CommonOptions common, EvaluateOptions evaluate) {
        this.source = source;
        this.options = options;
        this.common = common;
        this.evaluate = evaluate;
        this.view = common.view();
        this.budget = options.budget();
    }

    /** The engine, opened by whoever needs it first. */
    Engine engine() {
        if (engine == null) {
            engine = common.open();
        }
        return engine;
    }

    /** What calls cost, by the prices that are given; all calls of the command share it. */
    Budget budget() {
        return budget;
    }

    ProgressView view() {
        return view;
    }

    /** From its first use on a stop is heard between calls. */
    StopSignal stop() {
        if (stop == null) {
            stop = Signals.askToStop("stopping; what came is kept, and calls under way have " + Judging.GRACE_SECONDS + " s");
        }
        return stop;
    }

    /** Opens the judge. */
    AnswerJudge judge() {
        return options.open(options.isLocal() ? engine() : null, common);
    }

    /** What takes the place of answers that a dry run does not make. */
    String placeholder(int maxNewTokens) {
        return "x".repeat(4 * maxNewTokens);
    }

    /** An open model that answers. */
    final class Answerer implements AutoCloseable {
        private final LocalModel model = source.open(engine(), common);
        private final ReplyCache cache = ReplyCache.open(evaluate.out().resolve("answers-made.jsonl"));
        private final JudgeSetup setup;

        private Answerer(Map<String, ?> sampling) {
            setup = model.setup().in("", sampling);
            ObjectNode settings = setup.setup().deepCopy();
            AtomicFiles.write(evaluate.out().resolve("generation.json"), Json.writePretty(settings));
        }

        /** The answers to all requests, null where there is none and none need be; those that are there already are not made again. */
        List<String> answer(List<JudgeRequest> requests, String phase) {
            List<Outcome> outcomes = new Judging(model, cache, Budget.free(), view, stop(), phase).ask(requests, setup);
            refuse(outcomes, "questions have no answer", "--allow-partial judges the others");
            return outcomes.stream().map(outcome -> outcome.reply() == null ? null : outcome.reply().text()).toList();
        }

        @Override
        public void close() {
            cache.close();
            model.close();
        }
    }

    /** @param sampling how answers are drawn, stored with them */
    Answerer answerer(Map<String, ?> sampling) {
        return new Answerer(sampling);
    }

    /** Says where answers hold lines that part what the judge is shown. */
    void tell(List<String> doubtful) {
        if (!doubtful.isEmpty()) {
            System.err.println("metaapo: " + doubtful.size() + " judgments are of an answer with a line by which the judge's prompt parts what it shows, and that may pass for"
                    + " another part (holds_marks in their rows): " + String.join("; ", doubtful.subList(0, Math.min(MOST_LISTED, doubtful.size())))
                    + (doubtful.size() > MOST_LISTED ? "; …" : ""));
        }
    }

    /** Says what calls would take, those of all repeats. */
    Integer estimate(List<JudgeRequest> requests, JudgeSetup setup) {
        System.out.print(DryRun.of(numbered(repeated(requests)), setup, ReplyCache.keys(options.cache(evaluate.out())), budget).words());
        return 0;
    }

    /** Makes the calls of all repeats, one repeat after the other: the outcomes of each. */
    List<List<Outcome>> ask(AnswerJudge judge, List<JudgeRequest> requests, JudgeSetup setup) {
        tellOfEqualRepeats(requests.stream().anyMatch(request -> request.topLogProbs() > 0), requests.stream().anyMatch(request -> request.temperature() > 0));
        return askEach(judge, repeated(requests), setup);
    }

    /** Makes the calls of each repeat: where a request is null, so is its outcome. */
    List<List<Outcome>> askEach(AnswerJudge judge, List<List<JudgeRequest>> repeats, JudgeSetup setup) {
        List<Outcome> outcomes;
        try (ReplyCache cache = ReplyCache.open(options.cache(evaluate.out()))) {
            outcomes = new Judging(judge, cache, budget, view, stop(), "judging").ask(numbered(repeats), setup);
        }
        Iterator<Outcome> next = outcomes.iterator();
        List<List<Outcome>> all = new ArrayList<>();
        for (List<JudgeRequest> requests : repeats) {
            List<Outcome> own = new ArrayList<>();
            for (JudgeRequest request : requests) {
                own.add(request == null ? null : next.next());
            }
            all.add(own);
        }
        return all;
    }

    private List<List<JudgeRequest>> repeated(List<JudgeRequest> requests) {
        return Collections.nCopies(evaluate.repeats(), requests);
    }

    private static List<JudgeRequest> numbered(List<List<JudgeRequest>> repeats) {
        List<JudgeRequest> all = new ArrayList<>();
        for (int r = 0; r < repeats.size(); r++) {
            int number = r + 1;
            repeats.get(r).stream().filter(Objects::nonNull).forEach(request -> all.add(request.repeated(number)));
        }
        return all;
    }

    private void tellOfEqualRepeats(boolean isByLogProbs, boolean isDrawn) {
        Double temperature = options.temperature();
        if (evaluate.repeats() > 1 && options.isLocal() && isByLogProbs) {
            System.err.println("metaapo: --repeats " + evaluate.repeats() + ": log-probs of a local judge are not drawn, so its repeats are equal");
        } else if (evaluate.repeats() > 1 && (temperature == null ? !isDrawn : temperature == 0)) {
            System.err.println("metaapo: --repeats " + evaluate.repeats() + ": the judge has temperature 0, so its repeats may be equal; --judge-options '{\"temperature\": 0.7}' has others drawn");
        }
    }

    /** Says in rows which repeat they are of, where there are several. */
    void mark(List<JsonFields> rows, int repeat) {
        if (evaluate.repeats() > 1) {
            Repeats.mark(rows, repeat + 1);
        }
    }

    /** Ends a command whose judgments are written, where some calls failed and no part may be scored. */
    void refuseFailures(List<List<Outcome>> outcomes) {
        refuse(outcomes.stream().flatMap(List::stream).filter(Objects::nonNull).toList(), "calls failed, and are missing in the judgments", "the same command makes them again, --allow-partial scores the others");
    }

    private void refuse(List<Outcome> outcomes, String what, String remedy) {
        List<Outcome> failed = outcomes.stream().filter(outcome -> outcome.reply() == null).toList();
        if (failed.isEmpty()) {
            return;
        }
        String told = failed.size() + " of " + outcomes.size() + " " + what;
        String first = "the first: " + failed.get(0).failure();
        if (!evaluate.allowPartial() || failed.size() == outcomes.size()) {
            throw new RunFailedException(told + "; " + remedy + "; " + first);
        }
        System.err.println("metaapo: " + told + "; " + first);
    }

    @Override
    public void close() {
        view.close();
        if (engine != null) {
            engine.close();
        }
    }
}
