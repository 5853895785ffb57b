package org.metaapo.reward;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** What the calls of one round share: their costs, lines for people, and the wish that they give up. Thread-safe. */
public final class CallLog {
    private static final long FIRST_WAIT_MILLIS = 500;
    private static final long LONGEST_WAIT_MILLIS = 30_000;

    private final Queue<String> notes = new ConcurrentLinkedQueue<>();
    private final CountDownLatch over = new CountDownLatch(1);
    private AnnotationCosts costs = AnnotationCosts.NONE;

    private synchronized void add(AnnotationCosts more) {
        costs = costs.plus(more);
    }

    /** A call went out. */
    public void sent() {
        add(new AnnotationCosts(1, 0, 0, 0, 0, 0));
    }

    /** A call had no usable reply. */
    public void failed() {
        add(new AnnotationCosts(0, 1, 0, 0, 0, 0));
    }

    /** A reply told its tokens. */
    public void tokens(long prompt, long completion) {
        add(new AnnotationCosts(0, 0, prompt, completion, 0, 0));
    }

    /** The costs since the last time; the counters start again. */
    public synchronized AnnotationCosts takeCosts() {
        AnnotationCosts taken = costs;
        costs = AnnotationCosts.NONE;
        return taken;
    }

    public void note(String line) {
        notes.add(line);
    }

    /** The oldest line not yet taken, or null. */
    public String takeNote() {
        return notes.poll();
    }

    /** No call tries again. */
    public void giveUp() {
        over.countDown();
    }

    /**
     * Waits before another try: twice as long each time, at random between half of that and all of it, so that many callers do not come
     * back together.
     *
     * @param attempt tries so far, from 1
     * @param least the shortest wait allowed
     * @return whether to try again
     */
    public boolean waitBeforeRetry(int attempt, long least, String why, int retries) throws InterruptedException {
        if (attempt > retries || over.getCount() == 0) {
            return false;
        }
        long most = Math.min(LONGEST_WAIT_MILLIS, FIRST_WAIT_MILLIS << Math.min(attempt - 1, 10));
        long wait = Math.max(least, ThreadLocalRandom.current().nextLong(most / 2, most + 1));
        note(why + "; trying again in " + String.format(java.util.Locale.ROOT, "%.1f", wait / 1000.0) + " s (" + attempt + " of " + retries + ")");
        return !over.await(wait, TimeUnit.MILLISECONDS);
    }
}
