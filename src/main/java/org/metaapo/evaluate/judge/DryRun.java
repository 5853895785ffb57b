package org.metaapo.evaluate.judge;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.metaapo.evaluate.JudgeSetup;

/**
 * What calls would take.
 *
 * @param calls that are not in the cache
 * @param known calls that are
 * @param promptTokens of the calls, by an estimate of four bytes a token
 * @param replyTokens at most
 * @param price at most; 0 without prices
 */
public record DryRun(int calls, int known, long promptTokens, long replyTokens, double price) {
    /**
     * Counts.
     *
     * @param replied keys of the questions that have a reply
     */
    public static DryRun of(List<JudgeRequest> requests, JudgeSetup setup, Set<String> replied, Budget budget) {
        Set<String> seen = new HashSet<>();
        int calls = 0;
        long prompt = 0;
        long reply = 0;
        for (JudgeRequest request : requests) {
            String key = request.key(setup);
            if (seen.add(key) && !replied.contains(key)) {
                calls++;
                prompt += request.promptTokens();
                reply += request.maxTokens();
            }
        }
        return new DryRun(calls, seen.size() - calls, prompt, reply, budget.price(prompt, reply));
    }

    /** For people. */
    public String words() {
        return String.format(Locale.ROOT, "calls %,d (in the cache already: %,d)%ntokens read about %,d, written at most %,d%n%s", calls, known, promptTokens, replyTokens,
                price > 0 ? "price at most about " + Budget.shown(price) + "\n" : "price: give --price IN,OUT, of a million tokens each\n");
    }
}
