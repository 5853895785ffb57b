package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.metaapo.error.DataException;

/**
 * How much of a benchmark a score is made of.
 *
 * @param expected questions, or turns or rows, of the whole benchmark
 * @param judged those with a verdict
 * @param unparsed those where the judge's reply is no verdict
 * @param failed those without a reply
 * @param conflicting replies, judged or not, with several verdicts that differ
 */
public record Coverage(int expected, int judged, int unparsed, int failed, int conflicting) {
    /** Those that the file has no row of. */
    public int missing() {
        return expected - judged - unparsed - failed;
    }

    public boolean isPartial() {
        return judged < expected;
    }

    /**
     * Refuses a score of a part of the benchmark.
     *
     * @param what is scored, for the message
     * @param isAllowed whether the user asked for it
     * @throws DataException if it is partial and not allowed, if nothing is judged, or if there are more rows than the benchmark has
     */
    public void check(String what, boolean isAllowed) {
        if (missing() < 0) {
            throw new DataException(what + ": " + (expected - missing()) + " rows of " + expected + " that the benchmark has; give its file of questions if it is another");
        }
        if (judged == 0) {
            throw new DataException(what + ": nothing is judged of " + expected + " (" + words() + ")");
        }
        if (isPartial() && !isAllowed) {
            throw new DataException(what + ": " + judged + " of " + expected + " judged (" + words()
                    + "); judge the rest, or take the part for the whole with --allow-partial");
        }
    }

    /** For people. */
    public String words() {
        return unparsed + " unparsed, " + failed + " failed, " + missing() + " missing" + (conflicting > 0 ? ", " + conflicting + " conflicting" : "");
    }

    /** Puts all counts into an object. */
    public void put(ObjectNode json) {
        json.put("n_expected", expected).put("n_judged", judged).put("n_unparsed", unparsed).put("n_failed", failed)
                .put("n_missing", missing()).put("n_conflicting", conflicting).put("partial", isPartial());
    }
}
