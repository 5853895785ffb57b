package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What a slice's line of metrics says of the answers that the policy wrote for it, and of how they stand beside the data's. */
final class SliceMeans {
    private long tokens;
    private int answers;
    private int clipped;
    private double margins;
    private int wins;
    private int compared;

    /** The policy wrote an answer; {@code isClipped} where it was cut by length. */
    void answered(int length, boolean isClipped) {
        answers++;
        tokens += length;
        clipped += isClipped ? 1 : 0;
    }

    /** A prompt's candidates have rewards; {@code own} are those of the row's (chosen, rejected), null where they were not asked for. */
    void ranked(Candidates candidates, double[] own) {
        if (own == null || Double.isNaN(own[0]) || Double.isNaN(own[1]) || candidates.best() < 0) {
            return;
        }
        double margin = candidates.rewards()[candidates.best()] - own[0];
        compared++;
        margins += margin;
        wins += margin > 0 ? 1 : 0;
    }

    void write(ObjectNode line) {
        PairMeans.put(line, "answer_tokens", tokens, answers);
        PairMeans.put(line, "clipped_share", clipped, answers);
        PairMeans.put(line, "online_wins", wins, compared);
        PairMeans.put(line, "online_margin", margins, compared);
    }
}
