package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Prompt;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.data.RowFilter;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.EncodedAnswer;

/** Encodes rows as training does, by the same {@link RowEncoder}, and keeps what a reader wants to know of them. */
final class RowViewer {
    private final ChatFormat format;
    private final RowEncoder encoder;
    private final RowFilter filter;
    private final boolean markedOnly;
    private final Object tools;
    private final Object documents;
    private final Pieces pieces;

    /**
     * A viewer.
     *
     * @param filter which good rows are left out
     * @param markedOnly whether the format takes for an answer what the template's generation blocks mark
     * @param tools handed to the template for rows that bring none; null for none
     * @param documents likewise
     */
    RowViewer(
            ChatFormat format,
            int maxLength,
            int maxPromptLength,
            RowFilter filter,
            boolean markedOnly,
            Object tools,
            Object documents) {
        this.format = format;
        this.filter = filter;
        this.markedOnly = markedOnly;
        this.encoder = new RowEncoder(format, maxLength, maxPromptLength);
        this.tools = tools;
        this.documents = documents;
        this.pieces = new Pieces(format.tokenizer());
    }

    /** The row as the model sees it. */
    SeenRow see(Row given) {
        Row row = withTools(given);
        List<SeenAnswer> answers = new ArrayList<>();
        List<EncodedAnswer> wholes = encoder.whole(row);
        EncodedRow encoded = encoder.cut(row, wholes);
        if (row.chosen() != null) {
            answers.add(seen(row.isPair() ? "chosen" : "answer", row.chosen(), wholes.get(0), encoded.chosen(), encoded.chosenCut()));
        }
        if (row.rejected() != null) {
            answers.add(seen("rejected", row.rejected(), wholes.get(1), encoded.rejected(), encoded.rejectedCut()));
        }
        if (row.onlineChosen() != null) {
            int[] chosen = encoded.onlineChosen();
            int[] rejected = encoded.onlineRejected();
            answers.add(seen("online_chosen", row.onlineChosen(), wholes.get(2), chosen, wholes.get(2).answerIds().length - chosen.length));
            answers.add(seen("online_rejected", row.onlineRejected(), wholes.get(3), rejected, wholes.get(3).answerIds().length - rejected.length));
        }
        if (row.responses() != null) {
            row.responses().forEach(response -> addAnswer(answers, row, "response", response));
        }
        String equal = RowEncoder.dropReason(encoded);
        SeenRow seen = new SeenRow(row, encoded.prompt(), encoded.promptCut(), answers, equal, false);
        String reason = equal == null ? filter.reason(encoded) : null;
        return reason == null ? seen : seen.filtered(reason);
    }

    private void addAnswer(List<SeenAnswer> answers, Row row, String side, Answer answer) {
        if (answer != null) {
            Row alone = Row.single(row.id(), row.source(), row.prompt(), answer, null);
            List<EncodedAnswer> wholes = encoder.whole(alone);
            EncodedRow encoded = encoder.cut(alone, wholes);
            answers.add(seen(side, answer, wholes.get(0), encoded.chosen(), encoded.chosenCut()));
        }
    }

    private static SeenAnswer seen(String side, Answer answer, EncodedAnswer whole, int[] ids, int cut) {
        boolean[] trained = whole.trained();
        return new SeenAnswer(side, answer, ids, trained == null ? null : Arrays.copyOf(trained, ids.length), cut, whole);
    }

    private Row withTools(Row row) {
        if (tools == null && documents == null) {
            return row;
        }
        if (!row.prompt().isConversation()) {
            throw new UsageException(row.source()
                    + ": a plain prompt, which no template renders; --tools and --documents need conversations");
        }
        Conversation own = row.prompt().conversation();
        Conversation all = new Conversation(
                own.turns(),
                own.tools() == null ? tools : own.tools(),
                own.documents() == null ? documents : own.documents(),
                own.variables());
        return row.withPrompt(new Prompt(all));
    }

    /** The rendered prompt, before any cut; where marks tell the answer, what comes before the first one. */
    String promptText(SeenRow seen) {
        return markedOnly && !seen.answers().isEmpty()
                ? text(wholePrompt(seen))
                : encoder.promptText(seen.row().prompt());
    }

    private int[] wholePrompt(SeenRow seen) {
        return seen.answers().isEmpty()
                ? encoder.encodePrompt(seen.row().prompt())
                : seen.answers().get(0).whole().promptIds();
    }

    /** The decoded text of ids, with special tokens. */
    String text(int[] ids) {
        return format.tokenizer().decode(ids, false);
    }

    /**
     * The row in pieces, for a page or a terminal.
     *
     * @param logps log p of the tokens of each answer, or null
     */
    ShownRow show(SeenRow seen, float[][] logps) {
        List<ShownRow.Answer> answers = new ArrayList<>();
        for (int i = 0; i < seen.answers().size(); i++) {
            answers.add(show(seen.answers().get(i), logps == null ? null : logps[i]));
        }
        int[] promptCut = Arrays.copyOf(wholePrompt(seen), seen.promptCut());
        return new ShownRow(seen, pieces.of(promptCut), pieces.of(seen.prompt()), answers);
    }

    private ShownRow.Answer show(SeenAnswer answer, float[] logps) {
        EncodedAnswer whole = answer.whole();
        int[] cut = Arrays.copyOfRange(whole.answerIds(), answer.ids().length, whole.answerIds().length);
        return new ShownRow.Answer(
                answer.side(), pieces.of(answer.ids(), answer.trained()), pieces.of(cut), tail(whole), logps);
    }

    /** What the template writes after the end of an answer, and the model never sees. */
    private String tail(EncodedAnswer whole) {
        String seen = text(whole.promptIds()) + text(whole.answerIds());
        return whole.text().startsWith(seen) ? whole.text().substring(seen.length()) : "";
    }

    /** Why a row cannot be encoded, with its place. */
    static String message(Row row, DataException failure) {
        return failure.getMessage().startsWith(row.source())
                ? failure.getMessage()
                : row.source() + ": " + failure.getMessage();
    }
}
