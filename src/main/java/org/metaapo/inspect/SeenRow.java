package org.metaapo.inspect;

import java.util.List;
import org.metaapo.data.Row;

/**
 * A row as the model sees it.
 *
 * @param row where it comes from
 * @param prompt token ids of the prompt, after truncation
 * @param promptCut tokens cut from its start
 * @param answers none in a row that is only a prompt
 * @param dropped why training leaves the row out; null where it does not
 * @param filtered whether it is a filter that leaves it out: then nothing else of it matters
 */
record SeenRow(Row row, int[] prompt, int promptCut, List<SeenAnswer> answers, String dropped, boolean filtered) {
    /** The row, left out by a filter. */
    SeenRow filtered(String reason) {
        return new SeenRow(row, prompt, promptCut, answers, reason, true);
    }

    /** Whether any part of it was cut. */
    boolean isCut() {
        return promptCut > 0 || answers.stream().anyMatch(answer -> answer.cut() > 0);
    }

    /** Tokens of the prompt with its longest answer. */
    int longest() {
        return prompt.length
                + answers.stream().mapToInt(answer -> answer.ids().length).max().orElse(0);
    }
}
