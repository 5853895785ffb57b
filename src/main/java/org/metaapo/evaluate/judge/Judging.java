package org.metaapo.evaluate.judge;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.RunFailedException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.reward.CallLog;
import org.metaapo.reward.Calls;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Puts requests to a judge: each once, those with a stored reply never, several at once, within a budget. */
public final class Judging {
    /** So many calls in a row without a reply end the work. */
    private static final int MOST_FAILURES = 20;
    private static final long CLAIMED_WAIT_MILLIS = 200;
    /** After a stop, calls under way may end within this time: they are paid for. */
    public static final int GRACE_SECONDS = 15;

    private final AnswerJudge judge;
    private final ReplyCache cache;
    private final Budget budget;
    private final RunListener listener;
    private final StopSignal stop;
    private final String phase;
    private final long graceNanos;

    /**
     * The judge and the cache stay open.
     *
     * @param phase what the listener is told that is done
     */
    public Judging(AnswerJudge judge, ReplyCache cache, Budget budget, RunListener listener, StopSignal stop, String phase) {
        this(judge, cache, budget, listener, stop, phase, GRACE_SECONDS * 1_000_000_000L);
    }

    Judging(AnswerJudge judge, ReplyCache cache, Budget budget, RunListener listener, StopSignal stop, String phase, long graceNanos) {
        this.graceNanos = graceNanos;
        this.phase = phase;
        this.judge = judge;
        this.cache = cache;
        this.budget = budget;
        this.listener = listener;
        this.stop = stop;
    }

    /** What is asked of a judge. */
    public record Asked(String key, JudgeRequest request) {}

    /** The state of one round. */
    private final class Round {
        private final CallLog log = new CallLog();
        private final Map<String, Outcome> outcomes = new HashMap<>();
        private final AtomicInteger inARow = new AtomicInteger();
        private final AtomicReference<MetaapoException> end = new AtomicReference<>();
        private final AtomicInteger unasked = new AtomicInteger();
        private final int size;
        private boolean isOverBudget;
        private long stopped;
        private long shown;

        Round(int size) {
            this.size = size;
        }

        /** On a thread of the calls. */
        List<Map.Entry<String, Outcome>> call(List<Asked> group) throws InterruptedException {
            List<Map.Entry<String, Outcome>> done = new ArrayList<>();
            List<Asked> mine = new ArrayList<>();
            List<Double> kept = new ArrayList<>();
            for (Asked one : group) {
                JudgeReply theirs = claim(one);
                if (theirs != null) {
                    budget.spend(one.request(), theirs);
                    done.add(Map.entry(one.key(), Outcome.of(theirs)));
                } else if (!stop.isRequested() && end.get() == null && mayBePaid(one, kept)) {
                    mine.add(one);
                } else {
                    cache.release(one.key());
                    unasked.incrementAndGet();
                }
            }
            if (!mine.isEmpty()) {
                done.addAll(ask(mine, kept));
            }
            return done;
        }

        private JudgeReply claim(Asked one) throws InterruptedException {
            while (!cache.claim(one.key())) {
                JudgeReply reply = cache.get(one.key());
                if (reply != null || stop.isRequested()) {
                    return reply;
                }
                Thread.sleep(CLAIMED_WAIT_MILLIS);
            }
            return null;
        }

        private synchronized boolean mayBePaid(Asked one, List<Double> kept) {
            double amount = isOverBudget ? -1 : budget.reserve(one.request());
            isOverBudget = amount < 0;
            if (!isOverBudget) {
                kept.add(amount);
            }
            return !isOverBudget;
        }

        private List<Map.Entry<String, Outcome>> ask(List<Asked> mine, List<Double> kept) throws InterruptedException {
            List<Map.Entry<String, Outcome>> done = new ArrayList<>();
            List<Outcome> outcomes = null;
            try {
                long start = System.nanoTime();
                List<Outcome> found = judge.ask(mine.stream().map(Asked::request).toList(), log);
                double seconds = (System.nanoTime() - start) * 1e-9 / mine.size();
                outcomes = found.stream().map(outcome -> outcome.took(seconds)).toList();
                inARow.set(0);
            } catch (DataException | RunFailedException e) {
                outcomes = Collections.nCopies(mine.size(), Outcome.failed(e.getMessage()));
                if (inARow.addAndGet(mine.size()) >= MOST_FAILURES) {
                    end.compareAndSet(null, new RunFailedException(inARow.get() + " calls in a row without a reply, the last: " + e.getMessage()
                            + "; the replies that came are kept, and the same command goes on", e));
                    log.giveUp();
                }
            } catch (MetaapoException e) {
                // Whoever judges cannot judge at all.
                end.compareAndSet(null, e);
                log.giveUp();
                unasked.addAndGet(mine.size());
            } finally {
                for (int i = 0; i < mine.size(); i++) {
                    JudgeReply reply = outcomes == null ? null : outcomes.get(i).reply();
                    budget.settle(kept.get(i), mine.get(i).request(), reply);
                    if (reply == null) {
                        cache.release(mine.get(i).key());
                    } else {
                        cache.add(mine.get(i).key(), reply);
                    }
                    if (outcomes != null) {
                        done.add(Map.entry(mine.get(i).key(), outcomes.get(i)));
                    }
                }
            }
            return done;
        }

        void watch(long done) {
            if (stop.isRequested()) {
                judge.stop();
                log.giveUp();
                stopped = stopped == 0 ? System.nanoTime() : stopped;
                if (System.nanoTime() - stopped > graceNanos) {
                    throw interrupted(size - outcomes.size());
                }
            }
            for (String note = log.takeNote(); note != null; note = log.takeNote()) {
                listener.note(note);
            }
            shown = Math.max(shown, done + judge.underWay());
            listener.progress(shown, budget.isPriced() ? Budget.shown(budget.spent()) + " spent" : "");
        }

        InterruptedRunException interrupted(int without) {
            return new InterruptedRunException((isOverBudget
                    ? "the budget of " + Budget.shown(budget.limit()) + " is reached: " + Budget.shown(budget.spent()) + " spent, "
                    : "stopped: ") + without + " of " + size + " have no reply yet; the replies that came are kept, and the same command goes on"
                    + (isOverBudget ? " with a larger --budget" : ""));
        }
    }

    /**
     * Asks.
     *
     * @param setup who judges and how, with the prompt and the sampling
     * @return an outcome for each request, in order; failures may be asked again
     * @throws InterruptedRunException if a stop was asked for or the budget is spent: what came is kept
     * @throws RunFailedException if call after call fails
     */
    public List<Outcome> ask(List<JudgeRequest> requests, JudgeSetup setup) {
        List<String> keys = requests.stream().map(request -> request.key(setup)).toList();
        Map<String, JudgeRequest> missing = new LinkedHashMap<>();
        Round round = new Round((int) keys.stream().distinct().count());
        for (int i = 0; i < keys.size(); i++) {
            JudgeReply known = cache.get(keys.get(i));
            if (known == null) {
                missing.put(keys.get(i), requests.get(i));
            } else if (round.outcomes.put(keys.get(i), Outcome.of(known)) == null) {
                budget.spend(requests.get(i), known);
            }
        }
        List<List<Asked>> groups = groups(missing);
        long[] done = {round.outcomes.size()};
        listener.begin(phase, done[0] + missing.size());
        Calls.run(groups.size(), judge.parallel(), index -> round.call(groups.get(index)), outcomes -> {
            outcomes.forEach(outcome -> round.outcomes.put(outcome.getKey(), outcome.getValue()));
            done[0] += outcomes.size();
        }, () -> round.watch(done[0]), round.log::giveUp, judge::abort);
        listener.end();
        if (round.end.get() != null) {
            throw round.end.get();
        }
        if (round.unasked.get() > 0) {
            throw round.interrupted(round.unasked.get());
        }
        return keys.stream().map(round.outcomes::get).toList();
    }

    private List<List<Asked>> groups(Map<String, JudgeRequest> missing) {
        List<List<Asked>> groups = new ArrayList<>();
        missing.forEach((key, request) -> {
            if (groups.isEmpty() || groups.get(groups.size() - 1).size() == judge.group()) {
                groups.add(new ArrayList<>());
            }
            groups.get(groups.size() - 1).add(new Asked(key, request));
        });
        return groups;
    }
}
