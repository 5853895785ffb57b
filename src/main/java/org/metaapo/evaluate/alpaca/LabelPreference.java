package org.metaapo.evaluate.alpaca;

import java.util.Map;

/** What AlpacaEval's judge says by the log-probs of its first token: {@code m} for the answer shown first, {@code M} for the second. */
public final class LabelPreference {
    private LabelPreference() {}

    /**
     * The preference for the model's answer: 2 − P(m) / (P(m) + P(M)), from 1 (the baseline's is better) to 2; a label that is not among
     * the likeliest tokens has probability 0.
     *
     * @param logProbs of the likeliest first tokens; only {@code m} and {@code M}, exactly, are labels
     * @param isSwapped whether the model's answer was shown first
     * @return null where neither label is there
     */
    public static Double of(Map<String, Double> logProbs, boolean isSwapped) {
        Double first = logProbs.get("m");
        Double second = logProbs.get("M");
        if (first == null && second == null) {
            return null;
        }
        double shown = first == null ? 2 : second == null ? 1 : 2 - 1 / (1 + Math.exp(second - first));
        return isSwapped ? 3 - shown : shown;
    }
}
