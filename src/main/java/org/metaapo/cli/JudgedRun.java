package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.RunFailedException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.AnswerJudge;
import org.metaapo.evaluate.judge.Budget;
import org.metaapo.evaluate.judge.DryRun;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Judging;
import org.metaapo.evaluate.judge.Judging.Outcome;
import org.metaapo.evaluate.judge.ReplyCache;
import org.metaapo.train.StopSignal;

/** Calls of a command: how they are made, or what they would take. */
final class JudgedRun {
    private final JudgeOptions options;
    private final CommonOptions common;
    private final EvaluateOptions evaluate;

    JudgedRun(JudgeOptions options, CommonOptions common, EvaluateOptions evaluate) {
        this.options = options;
        this.common = common;
        this.evaluate = evaluate;
    }

    /** Says what calls would take. */
    Integer estimate(List<JudgeRequest> requests, JudgeSetup setup) {
        Path file = options.cache(evaluate.out());
        try (ReplyCache cache = ReplyCache.open(file)) {
            System.out.print(DryRun.of(requests, setup, cache, options.budget(), 1).words());
        }
        return 0;
    }

    /** Makes the calls. */
    List<Outcome> ask(AnswerJudge judge, List<JudgeRequest> requests, JudgeSetup setup) {
        Budget budget = options.budget();
        StopSignal stop = Signals.askToStop("stopping; the replies that came are kept");
        try (ReplyCache cache = ReplyCache.open(options.cache(evaluate.out()));
                ProgressView view = common.view()) {
            return new Judging(judge, cache, budget, view, stop).ask(requests, setup, 0);
        }
    }

    /** Ends a command whose judgments are written, where some calls failed and no part may be scored. */
    void refuseFailures(List<Outcome> outcomes) {
        List<Outcome> failed = outcomes.stream().filter(outcome -> outcome.reply() == null).toList();
        if (!failed.isEmpty() && !evaluate.allowPartial()) {
            throw new RunFailedException(failed.size() + " of " + outcomes.size() + " calls failed, and are missing in the judgments; the same command makes them again, "
                    + "--allow-partial scores the others; the first: " + failed.get(0).failure());
        }
        if (!failed.isEmpty()) {
            System.err.println("metaapo: " + failed.size() + " of " + outcomes.size() + " calls failed; the first: " + failed.get(0).failure());
        }
    }
}
