package org.metaapo.reward;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.data.Prompt;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.error.DataException;
import org.metaapo.error.NumericException;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.EncodedAnswer;
import org.metaapo.text.Tokenizer;

/** A local reward model: own tokenizer, own template, score at the last token; never the policy's text or ids. */
public final class RewardModel implements Annotator {
    private static final int GROUP = 32;

    private final Tokenizer tokenizer;
    private final ChatFormat format;
    private final Model model;
    private final long maxTokens;
    private Scorer scorer;
    private long room;

    private RewardModel(Tokenizer tokenizer, ChatFormat format, Model model, long maxTokens) {
        this.tokenizer = tokenizer;
        this.format = format;
        this.model = model;
        this.maxTokens = maxTokens;
    }

    /**
     * Opens a {@code *ForSequenceClassification} folder with one label.
     *
     * @param maxTokens tokens of one forward; a longer conversation runs alone
     * @throws DataException if the folder is a language model's
     */
    public static RewardModel open(Engine engine, Path path, Dtype dtype, long maxTokens) {
        try (ModelFolder folder = ModelFolder.open(path)) {
            folder.requireHead(Head.VALUE);
            Tokenizer tokenizer = Tokenizer.load(path, folder.config().vocabSize());
            // The whole text of the template: a reward model is trained to score at its very end.
            ChatFormat format = ChatFormat.load(path, tokenizer, folder.stopIds(), true);
            Model model = ModelLoader.load(engine, folder, dtype, Head.VALUE, 0);
            return new RewardModel(tokenizer, format, model, Math.max(maxTokens, 1));
        }
    }

    /** Looks at the folder's shape, tokenizer and template; reads no weights. */
    static void check(Path path) {
        try (ModelFolder folder = ModelFolder.open(path);
                Tokenizer tokenizer = Tokenizer.load(path, folder.config().vocabSize())) {
            folder.requireHead(Head.VALUE);
            ChatFormat.load(path, tokenizer, folder.stopIds(), true);
        }
    }

    /**
     * Rewards of answers, in order. What the ids of a prompt's answers have in common runs once.
     *
     * @throws DataException if a conversation is longer than the model's positions
     * @throws NumericException if a score is NaN or infinite
     */
    @Override
    public List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch) {
        List<double[]> all = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += GROUP) {
            int to = Math.min(prompts.size(), from + GROUP);
            TokenBatch.Builder builder = TokenBatch.builder();
            long longest = 0;
            for (int i = from; i < to; i++) {
                longest = Math.max(longest, addPacks(builder, prompts.get(i), answers.get(i)));
            }
            double[] scores;
            try (TokenBatch batch = builder.build()) {
                scores = scorer(longest).values(batch);
            } catch (NumericException e) {
                throw new NumericException(tokenizer.folder() + ": a reward is not finite, of an answer to a prompt between \""
                        + Question.start(prompts.get(from)) + "\" and \"" + Question.start(prompts.get(to - 1)) + "\": " + e.getMessage());
            }
            int at = 0;
            for (int i = from; i < to; i++) {
                all.add(Arrays.copyOfRange(scores, at, at + answers.get(i).size()));
                at += answers.get(i).size();
            }
            watch.progress(to);
        }
        return all;
    }

    /** The scorer, with room for a pack. */
    private Scorer scorer(long tokens) {
        if (scorer == null || tokens > room) {
            if (scorer != null) {
                scorer.close();
            }
            room = Math.max(tokens, maxTokens);
            scorer = model.scorer(room);
        }
        return scorer;
    }

    /** Adds a prompt's answers, in one pack where that fits the tokens of a forward; returns the longest pack's tokens. */
    private long addPacks(TokenBatch.Builder builder, Prompt prompt, List<Answer> answers) {
        List<int[]> ids = answers.stream().map(answer -> encode(prompt, answer)).toList();
        int common = ids.get(0).length;
        long together = 0;
        for (int[] other : ids) {
            int mismatch = Arrays.mismatch(ids.get(0), other);
            common = Math.min(common, Math.min(other.length - 1, mismatch < 0 ? other.length : mismatch));
            together += other.length;
        }
        int shared = common;
        together -= (long) shared * (ids.size() - 1);
        if (shared >= 1 && together <= maxTokens) {
            builder.pack(Arrays.copyOf(ids.get(0), shared),
                    ids.stream().map(sequence -> Arrays.copyOfRange(sequence, shared, sequence.length)).toList());
            return together;
        }
        long longest = 0;
        for (int[] sequence : ids) {
            int last = sequence.length - 1;
            builder.pack(Arrays.copyOf(sequence, last), List.of(new int[] {sequence[last]}));
            longest = Math.max(longest, sequence.length);
        }
        return longest;
    }

    /** Ids that the model reads. */
    int[] encode(Prompt prompt, Answer answer) {
        int[] ids;
        if (prompt.isConversation() || format.hasTemplate()) {
            ids = format.encodeConversation(prompt.conversation().answered(answer));
        } else {
            EncodedAnswer encoded = format.encodePlain(prompt.text(), answer.text());
            ids = Arrays.copyOf(encoded.promptIds(), encoded.promptIds().length + encoded.answerIds().length);
            System.arraycopy(encoded.answerIds(), 0, ids, encoded.promptIds().length, encoded.answerIds().length);
        }
        if (ids.length < 2 || ids.length > model.shape().maxPositions()) {
            throw new DataException(tokenizer.folder() + ": a conversation of " + ids.length
                    + " tokens; the reward model reads 2 to " + model.shape().maxPositions());
        }
        return ids;
    }

    @Override
    public AnnotationCosts costs() {
        return AnnotationCosts.NONE;
    }

    @Override
    public void close() {
        model.close();
        tokenizer.close();
    }
}
