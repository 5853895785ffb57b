package org.metaapo.reward;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.data.Prompt;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.Network;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.error.DataException;
import org.metaapo.error.NumericException;
import org.metaapo.text.Answer;

/** A local reward model: its score at the last token of what its {@link RewardReader} reads. */
public final class RewardModel implements Annotator {
    private static final int GROUP = 32;

    private final RewardReader reader;
    private final Network model;
    private final Network owned;
    private final Overlong overlong;
    private final long maxTokens;
    private Scorer scorer;
    private long room;

    /** {@code owned} is what is closed with this. */
    private RewardModel(RewardReader reader, Network model, Network owned, Overlong overlong, long maxTokens) {
        this.reader = reader;
        this.model = model;
        this.owned = owned;
        this.overlong = overlong;
        this.maxTokens = Math.max(maxTokens, 1);
    }

    /**
     * Opens a {@code *ForSequenceClassification} folder with one label, or an adapter with a score head over a model.
     *
     * @param overlong what becomes of a conversation that is longer than the model reads
     * @param maxTokens tokens of one forward; a longer conversation runs alone
     * @throws DataException if the folder is a language model's
     */
    public static RewardModel open(Engine engine, AdaptedFolder folder, Dtype dtype, Overlong overlong, long maxTokens) {
        RewardReader reader = RewardReader.open(folder);
        try {
            AdaptedFolder.Loaded weights = folder.load(engine, dtype, reader.positions());
            return new RewardModel(reader, weights.network(), weights.model(), overlong, maxTokens);
        } catch (RuntimeException e) {
            reader.close();
            throw e;
        }
    }

    /** As the other, of an adapter over weights that are loaded already, and stay when this is closed. */
    public static RewardModel on(Model base, AdaptedFolder folder, Overlong overlong, long maxTokens) {
        RewardReader reader = RewardReader.open(folder);
        try {
            Network adapter = folder.on(base);
            return new RewardModel(reader, adapter, adapter, overlong, maxTokens);
        } catch (RuntimeException e) {
            reader.close();
            throw e;
        }
    }

    /**
     * Rewards of answers, in order; NaN for one that is left out as too long. What the ids of a prompt's answers have in common runs
     * once.
     *
     * @throws DataException if a conversation is longer than the model reads and that is to be an error
     * @throws NumericException if a score is NaN or infinite
     */
    @Override
    public List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch) {
        List<double[]> all = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += GROUP) {
            int to = Math.min(prompts.size(), from + GROUP);
            TokenBatch.Builder builder = TokenBatch.builder();
            List<List<int[]>> ids = new ArrayList<>();
            long longest = 0;
            for (int i = from; i < to; i++) {
                ids.add(encode(i, prompts.get(i), answers.get(i), watch));
                longest = Math.max(longest, addPacks(builder, ids.get(i - from).stream().filter(Objects::nonNull).toList()));
            }
            double[] scores = new double[0];
            if (longest > 0) {
                try (TokenBatch batch = builder.build()) {
                    scores = scorer(longest).values(batch);
                } catch (NumericException e) {
                    throw new NumericException(reader.folder() + ": a reward is not finite, of an answer to a prompt between \""
                            + Question.start(prompts.get(from)) + "\" and \"" + Question.start(prompts.get(to - 1)) + "\": " + e.getMessage());
                }
            }
            int at = 0;
            for (List<int[]> ofPrompt : ids) {
                double[] own = new double[ofPrompt.size()];
                for (int j = 0; j < own.length; j++) {
                    own[j] = ofPrompt.get(j) == null ? Double.NaN : scores[at++];
                }
                all.add(own);
            }
            watch.progress(to);
        }
        return all;
    }

    /** Ids of a prompt's answers; null for one that is left out. */
    private List<int[]> encode(int number, Prompt prompt, List<Answer> answers, Watch watch) {
        List<int[]> ids = new ArrayList<>();
        for (int j = 0; j < answers.size(); j++) {
            RewardReader.Read read = reader.read(prompt, answers.get(j), overlong);
            ids.add(read.ids());
            if (read.overlong()) {
                watch.overlong(number, j);
            }
        }
        return ids;
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

    /** Adds a prompt's answers, in one pack where that fits the tokens of a forward; returns the longest pack's tokens, 0 for none. */
    private long addPacks(TokenBatch.Builder builder, List<int[]> ids) {
        if (ids.isEmpty()) {
            return 0;
        }
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

    @Override
    public AnnotationCosts costs() {
        return AnnotationCosts.NONE;
    }

    @Override
    public void close() {
        owned.close();
        reader.close();
    }
}
