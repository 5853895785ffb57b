package org.metaapo.inspect;

import org.metaapo.text.Answer;
import org.metaapo.text.EncodedAnswer;

/**
 * An answer as the model sees it.
 *
 * @param side "chosen", "rejected", "answer" (the only one), "online_chosen", "online_rejected" or "response"
 * @param content what the data says
 * @param ids token ids of the answer, after truncation
 * @param trained for each of them whether it is trained on; null for all
 * @param cut tokens cut from its end
 * @param whole the answer before the cut
 */
record SeenAnswer(String side, Answer content, int[] ids, boolean[] trained, int cut, EncodedAnswer whole) {
    /** Whether a token is trained on. */
    boolean isTrained(int token) {
        return trained == null || trained[token];
    }

    /** How many tokens are not trained on. */
    int masked() {
        int masked = 0;
        for (int i = 0; trained != null && i < trained.length; i++) {
            masked += trained[i] ? 0 : 1;
        }
        return masked;
    }

    /** Tokens before the cut. */
    int wholeLength() {
        return ids.length + cut;
    }
}
