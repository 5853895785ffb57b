package org.metaapo.inspect;

/** How the lengths of chosen and rejected answers differ, in tokens before any cut. */
final class LengthBias {
    private long pairs;
    private long longer;
    private long equal;
    private double chosen;
    private double rejected;

    void add(int chosenTokens, int rejectedTokens) {
        pairs++;
        longer += chosenTokens > rejectedTokens ? 1 : 0;
        equal += chosenTokens == rejectedTokens ? 1 : 0;
        chosen += chosenTokens;
        rejected += rejectedTokens;
    }

    long pairs() {
        return pairs;
    }

    /** Pairs whose chosen answer has more tokens. */
    long longer() {
        return longer;
    }

    /** Share of pairs with a longer chosen answer, among those of different lengths. */
    double longerShare() {
        return pairs == equal ? Double.NaN : (double) longer / (pairs - equal);
    }

    /** Mean tokens that a chosen answer has more than its rejected one. */
    double meanDifference() {
        return (chosen - rejected) / pairs;
    }

    /** Mean length of chosen over that of rejected answers. */
    double ratio() {
        return chosen / rejected;
    }

    /**
     * Standard deviations between the share of longer chosen answers and one half (sign test; normal approximation of the
     * binomial).
     */
    double sigmas() {
        long n = pairs - equal;
        return n == 0 ? 0 : (longer - n / 2.0) / Math.sqrt(n / 4.0);
    }
}
