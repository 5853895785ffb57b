package org.metaapo.train;

import java.util.Arrays;
import org.metaapo.data.EncodedRow;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;

/** Which tokens of an answer SFT trains on: all, or those that the template marks. They are found again when they are needed. */
final class TrainedTokens {
    private final ChatFormat format;
    private final boolean markedOnly;

    TrainedTokens(ChatFormat format, boolean markedOnly) {
        this.format = format;
        this.markedOnly = markedOnly;
    }

    /** Whether every token of every answer is trained on. */
    boolean areAll() {
        return !markedOnly;
    }

    /** For each token of the row's answer whether it is trained on; null for all. */
    boolean[] of(EncodedRow row) {
        if (!markedOnly) {
            return null;
        }
        Conversation prompt = row.row().prompt().conversation();
        return Arrays.copyOf(format.encode(prompt, row.row().chosen()).trained(), row.chosen().length);
    }

    /** How many tokens of the row are trained on. */
    int count(EncodedRow row) {
        boolean[] trained = of(row);
        int count = row.chosenTokens();
        for (int i = 0; trained != null && i < trained.length; i++) {
            count -= trained[i] ? 0 : 1;
        }
        return count;
    }

    /** The sum of the log-probs of the tokens that are trained on. */
    double sum(EncodedRow row, float[] logps) {
        boolean[] trained = of(row);
        double sum = 0;
        for (int i = 0; i < logps.length; i++) {
            sum += trained == null || trained[i] ? logps[i] : 0;
        }
        return sum;
    }
}
