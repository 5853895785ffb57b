package org.metaapo.data;

import java.util.List;
import java.util.stream.Stream;
import org.metaapo.text.Answer;

/**
 * A row of a data file.
 *
 * @param id number of the row in the whole data, from 0; names its random numbers
 * @param source file and line, for messages
 * @param prompt what is answered
 * @param chosen the better answer, or the only one; null in a row that is only a prompt
 * @param rejected the worse answer; null where there is none
 * @param onlineChosen given online pair, or null
 * @param onlineRejected given online pair, or null
 * @param scoreChosen given score, or null
 * @param scoreRejected given score, or null
 * @param label whether the only answer is a good one, in unpaired data; else null
 * @param responses answers of a generated row, or null
 * @param unread names of further columns, from which nothing is read; not kept with prepared rows
 */
public record Row(
        int id,
        String source,
        Prompt prompt,
        Answer chosen,
        Answer rejected,
        Answer onlineChosen,
        Answer onlineRejected,
        Double scoreChosen,
        Double scoreRejected,
        Boolean label,
        List<Answer> responses,
        List<String> unread) {
    /** Without further columns. */
    public Row(
            int id,
            String source,
            Prompt prompt,
            Answer chosen,
            Answer rejected,
            Answer onlineChosen,
            Answer onlineRejected,
            Double scoreChosen,
            Double scoreRejected,
            Boolean label,
            List<Answer> responses) {
        this(
                id, source, prompt, chosen, rejected, onlineChosen, onlineRejected, scoreChosen, scoreRejected, label, responses,
                List.of());
    }

    /** A prompt with at most one answer. */
    public static Row single(int id, String source, Prompt prompt, Answer answer, Boolean label) {
        return new Row(id, source, prompt, answer, null, null, null, null, null, label, null);
    }

    /** The same with another prompt. */
    public Row withPrompt(Prompt other) {
        return new Row(
                id, source, other, chosen, rejected, onlineChosen, onlineRejected, scoreChosen, scoreRejected, label, responses, unread);
    }

    /** The same with the names of further columns. */
    Row withUnread(List<String> names) {
        return new Row(
                id, source, prompt, chosen, rejected, onlineChosen, onlineRejected, scoreChosen, scoreRejected, label, responses, names);
    }

    /** For a row that is only a prompt, what its further columns may be and how to have them read; empty where that cannot be told. */
    public String hint() {
        LayoutHint hint = chosen == null && responses == null && !unread.isEmpty()
                ? LayoutHint.of(Stream.concat(Stream.of("prompt"), unread.stream()).toList())
                : null;
        return hint == null || hint.nearest() == Schema.PROMPT
                ? ""
                : " (further columns found: " + String.join(", ", unread) + "); " + hint.shown();
    }

    /** Whether it has both answers. */
    public boolean isPair() {
        return chosen != null && rejected != null;
    }
}
