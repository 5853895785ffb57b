package org.metaapo.inspect;

/**
 * An answer as the model sees it.
 *
 * @param side "chosen", "rejected", "answer" (the only one), "online_chosen", "online_rejected" or "response"
 * @param content the data's text
 * @param ids token ids that are trained on, after truncation
 * @param cut tokens cut from its end
 */
record SeenAnswer(String side, String content, int[] ids, int cut) {
    /** Tokens before the cut. */
    int wholeLength() {
        return ids.length + cut;
    }
}
