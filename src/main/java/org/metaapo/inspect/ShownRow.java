package org.metaapo.inspect;

import java.util.List;

/**
 * A row in pieces, for people.
 *
 * @param seen the row
 * @param promptCut what truncation took from the prompt's start
 * @param prompt what is left of it: read by the model, without loss
 * @param answers its answers
 */
record ShownRow(SeenRow seen, List<Piece> promptCut, List<Piece> prompt, List<Answer> answers) {
    /**
     * An answer in pieces.
     *
     * @param side as in {@link SeenAnswer}
     * @param pieces what is trained on
     * @param cut what truncation took from its end
     * @param tail text that the template writes after the answer's end and no model sees
     * @param logps log p of each token; null where nothing was computed
     */
    record Answer(String side, List<Piece> pieces, List<Piece> cut, String tail, float[] logps) {}

    /** Pieces of all parts together. */
    int pieces() {
        return promptCut.size()
                + prompt.size()
                + answers.stream()
                        .mapToInt(a -> a.pieces().size() + a.cut().size())
                        .sum();
    }
}
