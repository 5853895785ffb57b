package org.metaapo.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.EncodedAnswer;

/**
 * Tokenizes rows. A prompt keeps its end, each answer its start, both cut on their own; a row whose answers have become
 * equal is dropped and counted.
 */
public final class RowEncoder {
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

    /** One row. */
    public EncodedRow encode(Row row) {
        return cut(row, whole(row));
    }

    /** The row's answers, chosen and rejected as far as it has them, before any cut. */
    public List<EncodedAnswer> whole(Row row) {
        if (row.chosen() == null) {
            return List.of();
        }
        return answers(row.prompt(), row.rejected() == null ? List.of(row.chosen()) : List.of(row.chosen(), row.rejected()));
    }

    /** The row with what {@link #whole} has found. */
    public EncodedRow cut(Row row, List<EncodedAnswer> encoded) {
        if (encoded.isEmpty()) {
            return encodePromptOf(row);
        }
        int[] whole = encoded.get(0).promptIds();
        int[] prompt = cutPrompt(whole);
        int[] chosen = encoded.get(0).answerIds();
        int[] chosenIds = cutAnswer(prompt, chosen);
        int promptCut = whole.length - prompt.length;
        if (row.rejected() == null) {
            return new TokenizedRow(row, prompt, chosenIds, null, promptCut, chosen.length - chosenIds.length, 0);
        }
        int[] rejected = encoded.get(1).answerIds();
        int[] rejectedIds = cutAnswer(prompt, rejected);
        return new TokenizedRow(
                row, prompt, chosenIds, rejectedIds, promptCut, chosen.length - chosenIds.length, rejected.length - rejectedIds.length);
    }

    /** As {@link #encode}, with the online pair of a row that has one. */
    EncodedRow encodePairs(Row row) {
        if (row.onlineChosen() == null) {
            return encode(row);
        }
        // All in one, so that all have the same prompt.
        List<EncodedAnswer> all = answers(row.prompt(), List.of(row.chosen(), row.rejected(), row.onlineChosen(), row.onlineRejected()));
        EncodedRow own = cut(row, all);
        int[] onlineChosen = all.get(2).answerIds();
        int[] onlineRejected = all.get(3).answerIds();
        int[] chosen = cutAnswer(own.prompt(), onlineChosen);
        int[] rejected = cutAnswer(own.prompt(), onlineRejected);
        int cut = onlineChosen.length + onlineRejected.length - chosen.length - rejected.length;
        return new TokenizedRow(
                row, own.prompt(), own.chosen(), own.rejected(), chosen, rejected, own.promptCut(), own.chosenCut(), own.rejectedCut(), cut);
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
