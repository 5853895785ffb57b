package org.metaapo.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.EncodedAnswer;

/**
 * Tokenizes rows. A prompt keeps its end, each answer its start, both cut on their own; a row whose answers have become
 * equal is dropped and counted.
 */
public final class RowEncoder {
    private static final int MOST_ANSWERS = 4;

    private final ChatFormat format;
    private final int maxLength;
    private final int maxPromptLength;

    /** Lengths in tokens: of prompt and answer together, and of the prompt. */
    public RowEncoder(ChatFormat format, int maxLength, int maxPromptLength) {
        this.format = format;
        this.maxLength = maxLength;
        this.maxPromptLength = maxPromptLength;
    }

    /**
     * Encoded rows.
     *
     * @param rows those that are left
     * @param dropped how many were dropped, by reason
     * @param cutAnswers answers that were cut
     * @param cutPrompts prompts that were cut
     * @param skipped errors of rows that were left out; empty unless asked for
     */
    public record Encoded(List<EncodedRow> rows, Map<String, Integer> dropped, int cutAnswers, int cutPrompts, List<String> skipped) {}

    /** Encodes rows; {@code skipBad} leaves a row out where encoding fails, instead of failing. */
    public Encoded encode(List<Row> rows, boolean skipBad) {
        List<EncodedRow> kept = new ArrayList<>();
        Map<String, Integer> dropped = new LinkedHashMap<>();
        List<String> skipped = new ArrayList<>();
        int cutAnswers = 0;
        int cutPrompts = 0;
        for (Row row : rows) {
            EncodedRow encoded;
            try {
                encoded = encode(row);
            } catch (DataException e) {
                String message = e.getMessage().startsWith(row.source()) ? e.getMessage() : row.source() + ": " + e.getMessage();
                if (!skipBad) {
                    throw new DataException(message, e);
                }
                skipped.add(message);
                continue;
            }
            String reason = dropReason(encoded);
            if (reason != null) {
                dropped.merge(reason, 1, Integer::sum);
                continue;
            }
            cutAnswers += (encoded.chosenCut() > 0 ? 1 : 0) + (encoded.rejectedCut() > 0 ? 1 : 0);
            cutPrompts += encoded.promptCut() > 0 ? 1 : 0;
            kept.add(encoded);
        }
        return new Encoded(List.copyOf(kept), dropped, cutAnswers, cutPrompts, List.copyOf(skipped));
    }

    /** Why training leaves a row out, such as "answers equal"; null where it does not. */
    public static String dropReason(EncodedRow row) {
        if (row.chosen() == null || !Arrays.equals(row.chosen(), row.rejected())) {
            return null;
        }
        boolean cut = row.chosenCut() + row.rejectedCut() > 0 && !row.row().chosen().equals(row.row().rejected());
        if (cut) {
            return "answers equal after the cut";
        }
        return row.row().chosen().equals(row.row().rejected()) ? "answers equal" : "answers equal in the template's text";
    }

    /** One row, without an online pair. */
    public EncodedRow encode(Row row) {
        return cut(row, whole(row, false));
    }

    /** As {@link #encode}, with the online pair of a row that has one. */
    EncodedRow encodePairs(Row row) {
        return cut(row, whole(row, true));
    }

    /** The row's answers before any cut, as far as it has them: chosen, rejected, online chosen, online rejected; all have one prompt. */
    public List<EncodedAnswer> whole(Row row) {
        return whole(row, true);
    }

    private List<EncodedAnswer> whole(Row row, boolean online) {
        List<Answer> answers = Stream.of(row.chosen(), row.rejected(), online ? row.onlineChosen() : null, online ? row.onlineRejected() : null)
                .filter(Objects::nonNull).toList();
        return answers.isEmpty() ? List.of() : answers(row.prompt(), answers);
    }

    /** The row with what {@link #whole} has found. */
    public EncodedRow cut(Row row, List<EncodedAnswer> encoded) {
        if (encoded.isEmpty()) {
            return encodePromptOf(row);
        }
        int[] whole = encoded.get(0).promptIds();
        int[] prompt = cutPrompt(whole);
        int[][] ids = new int[MOST_ANSWERS][];
        int[] cuts = new int[MOST_ANSWERS];
        for (int i = 0; i < encoded.size(); i++) {
            ids[i] = cutAnswer(prompt, encoded.get(i).answerIds());
            cuts[i] = encoded.get(i).answerIds().length - ids[i].length;
        }
        return new TokenizedRow(
                row, prompt, ids[0], ids[1], ids[2], ids[3], whole.length - prompt.length, cuts[0], cuts[1], cuts[2] + cuts[3]);
    }

    /** A row's prompt without its answers. */
    EncodedRow encodePromptOf(Row row) {
        int[] prompt = encodePrompt(row.prompt());
        int[] cut = cutPrompt(prompt);
        return new TokenizedRow(row, cut, null, null, prompt.length - cut.length, 0, 0);
    }

    /** Ids of a prompt as generation starts from it: equal to those that training uses. */
    public int[] encodePrompt(Prompt prompt) {
        return prompt.isConversation() ? format.encodePrompt(prompt.conversation()) : format.encodePlainPrompt(prompt.text());
    }

    /** The text of a prompt that {@link #encodePrompt} tokenizes. */
    public String promptText(Prompt prompt) {
        return prompt.isConversation() ? format.render(prompt.conversation(), true) : format.plainPrompt(prompt.text());
    }

    /** An answer in its prompt, before any cut. */
    public EncodedAnswer encodeAnswer(Prompt prompt, Answer answer) {
        return prompt.isConversation()
                ? format.encode(prompt.conversation(), answer)
                : format.encodePlain(prompt.text(), answer.text());
    }

    private List<EncodedAnswer> answers(Prompt prompt, List<Answer> answers) {
        List<EncodedAnswer> encoded = prompt.isConversation()
                ? format.encode(prompt.conversation(), answers)
                : format.encodePlain(prompt.text(), answers.stream().map(Answer::text).toList());
        for (EncodedAnswer answer : encoded) {
            if (answer.answerIds().length == 0 || answer.promptIds().length == 0) {
                throw new DataException("an answer or a prompt without tokens");
            }
        }
        return encoded;
    }

    private int[] cutPrompt(int[] prompt) {
        return prompt.length <= maxPromptLength ? prompt : Arrays.copyOfRange(prompt, prompt.length - maxPromptLength, prompt.length);
    }

    private int[] cutAnswer(int[] prompt, int[] answer) {
        int room = maxLength - prompt.length;
        return answer.length <= room ? answer : Arrays.copyOf(answer, room);
    }
}
