package org.metaapo.data;

import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;

/**
 * Which good rows are left out, each with a reason that is counted.
 *
 * @param dropOverlong leave out what would be cut, instead of cutting it
 * @param minAnswerTokens shortest answer, its end token counted; 0 for any
 * @param maxLengthRatio largest length of an answer over the other one's; 0 for any
 * @param minScore smallest score of the chosen answer; null for any
 * @param minMargin smallest score of the chosen answer over the rejected one's; 0 for any
 */
public record RowFilter(boolean dropOverlong, int minAnswerTokens, double maxLengthRatio, Double minScore, double minMargin) {
    /** Leaves nothing out. */
    public static final RowFilter NONE = new RowFilter(false, 0, 0, null, 0);

    /** What {@code data.overlong}, {@code data.min_answer_tokens} and the other filters of a configuration say. */
    public static RowFilter of(RunConfig config) {
        return new RowFilter(
                config.text("data.overlong").equals("drop"), config.count("data.min_answer_tokens"), config.real("data.max_length_ratio"),
                config.optional("data.min_score"), config.real("data.min_score_margin"));
    }

    /**
     * Why a row is left out, or null.
     *
     * @throws DataException if a score is asked for that the row does not have
     */
    public String reason(EncodedRow row) {
        if (dropOverlong && row.promptCut() > 0) {
            return "prompt too long";
        }
        if (dropOverlong && row.chosenCut() + row.rejectedCut() + row.onlineCut() > 0) {
            return "answer too long";
        }
        int shorter = row.rejectedTokens() == 0 ? row.chosenTokens() : Math.min(row.chosenTokens(), row.rejectedTokens());
        int longer = Math.max(row.chosenTokens(), row.rejectedTokens());
        if (longer > 0 && shorter < minAnswerTokens) {
            return "answer too short";
        }
        if (maxLengthRatio > 0 && longer > maxLengthRatio * shorter) {
            return "lengths of the answers too different";
        }
        if (minScore != null && score(row.row().scoreChosen(), "score_chosen", "data.min_score") < minScore) {
            return "score too low";
        }
        boolean close = minMargin > 0
                && score(row.row().scoreChosen(), "score_chosen", "data.min_score_margin")
                                - score(row.row().scoreRejected(), "score_rejected", "data.min_score_margin")
                        < minMargin;
        return close ? "scores too close" : null;
    }

    private static double score(Double score, String column, String key) {
        if (score == null) {
            throw new DataException("no " + column + ", which " + key + " needs");
        }
        return score;
    }
}
