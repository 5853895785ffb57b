package org.metaapo.reward;

import java.nio.file.Path;
import java.util.Arrays;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.data.Prompt;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.EncodedAnswer;
import org.metaapo.text.Tokenizer;

/** The ids that a local reward model reads: by its own tokenizer and template, never the policy's text or ids. */
public final class RewardReader implements AutoCloseable {
    /** One token in any tokenizer, or near to it. */
    private static final Answer SHORT = Answer.of(".");

    private final Path folder;
    private final Tokenizer tokenizer;
    private final ChatFormat format;
    private final int positions;

    private RewardReader(Path folder, Tokenizer tokenizer, ChatFormat format, int positions) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.format = format;
        this.positions = positions;
    }

    /**
     * Looks at a model's shape, tokenizer and template; reads no weights.
     *
     * @throws DataException if it is not a reward model
     */
    public static RewardReader open(AdaptedFolder folder) {
        folder.requireHead(Head.VALUE);
        Tokenizer tokenizer = Tokenizer.load(folder.tokenizerFolder(), folder.config().vocabSize());
        try {
            // The whole text of the template: a reward model is trained to score at its very end.
            ChatFormat format = ChatFormat.load(tokenizer.folder(), tokenizer, folder.base().stopIds(), true);
            return new RewardReader(folder.path(), tokenizer, format, folder.config().maxPositions());
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /** The reward model's folder, or its adapter's. */
    public Path folder() {
        return folder;
    }

    /** Tokens of the longest conversation that it reads. */
    public int positions() {
        return positions;
    }

    private boolean isChat(Prompt prompt) {
        return prompt.isConversation() || format.hasTemplate();
    }

    /** Tokens of a prompt, with what the template writes around an answer. */
    public int promptTokens(Prompt prompt) {
        // By a whole conversation: a reward model's template need not know prompts without an answer.
        return encode(prompt, SHORT).length - 1;
    }

    /**
     * Ids of a whole conversation.
     *
     * @throws DataException if there are fewer than 2
     */
    public int[] encode(Prompt prompt, Answer answer) {
        int[] ids;
        if (isChat(prompt)) {
            ids = format.encodeConversation(prompt.conversation().answered(answer));
        } else {
            EncodedAnswer encoded = format.encodePlain(prompt.text(), answer.text());
            ids = Arrays.copyOf(encoded.promptIds(), encoded.promptIds().length + encoded.answerIds().length);
            System.arraycopy(encoded.answerIds(), 0, ids, encoded.promptIds().length, encoded.answerIds().length);
        }
        if (ids.length < 2) {
            throw new DataException(folder + ": a conversation of " + ids.length + " tokens; the reward model reads 2 to " + positions);
        }
        return ids;
    }

    /**
     * What the model reads of a conversation.
     *
     * @param ids null where it is left out
     * @param overlong whether it is longer than the model reads
     */
    record Read(int[] ids, boolean overlong) {}

    Read read(Prompt prompt, Answer answer, Overlong overlong) {
        int[] ids = encode(prompt, answer);
        if (ids.length <= positions) {
            return new Read(ids, false);
        }
        return switch (overlong) {
            case DROP -> new Read(null, true);
            // Half an answer has no score: the prompt alone is cut.
            case CUT -> new Read(
                    ids.length - promptTokens(prompt) < positions ? Arrays.copyOfRange(ids, ids.length - positions, ids.length) : null, true);
            case STOP -> throw tooLong(ids.length, "an answer to \"" + Question.start(prompt) + "\"");
        };
    }

    /** What {@link Overlong#STOP} ends with. */
    public DataException tooLong(int tokens, String what) {
        return new DataException(folder + ": " + what + " makes a conversation of " + tokens + " tokens, the reward model reads up to " + positions
                + "; reward.overlong=drop leaves such answers out, cut reads the end of their prompts");
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
