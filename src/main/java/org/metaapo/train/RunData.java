package org.metaapo.train;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Mixture;
import org.metaapo.data.RowStore;
import org.metaapo.engine.Objective;
import org.metaapo.error.DataException;
import org.metaapo.text.ChatFormat;

/** The tokens of a run, their order, and what names them. */
final class RunData implements AutoCloseable {
    private final RowStore rows;
    private final RowStore evaluation;
    private final Mixture mixture;
    private final ChatFormat format;
    private final int maxPositions;
    private final int longestPrompt;
    /** Rows of every epoch in their order, where it is not the mixture's. */
    private final int[] picked;

    /** {@code evaluation} is null where there is none. */
    RunData(RowStore rows, RowStore evaluation, Mixture mixture, ChatFormat format, int maxPositions) {
        this.rows = rows;
        this.evaluation = evaluation;
        this.mixture = mixture;
        this.format = format;
        this.maxPositions = maxPositions;
        this.longestPrompt = rows.stream().mapToInt(EncodedRow::promptTokens).max().orElse(0);
        this.picked = null;
    }

    private RunData(RunData other, RowStore evaluation, int[] picked) {
        this.rows = other.rows;
        this.evaluation = evaluation;
        this.mixture = other.mixture;
        this.format = other.format;
        this.maxPositions = other.maxPositions;
        this.longestPrompt = other.longestPrompt;
        this.picked = picked;
    }

    /** The same rows, of which every epoch takes {@code picked} in this order; the owner of this object closes both. */
    RunData picking(int[] picked) {
        return new RunData(this, evaluation, picked);
    }

    /** As {@link #picking}, without evaluation. */
    RunData pickingUnevaluated(int[] picked) {
        return new RunData(this, null, picked);
    }

    List<EncodedRow> rows() {
        return rows;
    }

    List<EncodedRow> evaluation() {
        return evaluation == null ? List.of() : evaluation;
    }

    /** The rows of an epoch in their order; see {@link Mixture}. */
    int[] order(long epoch) {
        return picked == null ? mixture.order(epoch) : picked;
    }

    /** Rows of an epoch. */
    int epochRows() {
        return picked == null ? mixture.rows() : picked.length;
    }

    ChatFormat format() {
        return format;
    }

    int index(EncodedRow row) {
        return rows.indexOf(row);
    }

    /** File, row and cause of what was skipped in training data; empty where nothing was. */
    List<String> skipped() {
        return rows.stats().skipped();
    }

    /** What the tokens of the training rows are, and which of them are taken where that is not the configuration's to say. */
    String trainDigest() {
        return rows.stats().digest() + (picked == null ? "" : " " + Arrays.hashCode(picked));
    }

    /** What the tokens of the held-out rows are. */
    String evaluationDigest() {
        return evaluation == null ? "not there" : evaluation.stats().digest();
    }

    /** Says which rows have more tokens than the policy has positions. */
    void tellPositions(RunListener listener) {
        RowLengths.tellPositions(rows(), maxPositions, "data.max_length", listener);
        RowLengths.tellPositions(evaluation(), maxPositions, "data.max_length", listener);
    }

    /**
     * Throws if the longest prompt leaves too few positions for the answers that are asked for, and says where
     * {@code data.max_length} makes them shorter.
     *
     * @param positions of the models that answer
     */
    void checkSampling(RunConfig config, int positions, RunListener listener) {
        EncodedRow longest = rows.get(0);
        for (EncodedRow row : rows) {
            longest = row.promptTokens() > longest.promptTokens() ? row : longest;
        }
        int prompt = longest.promptTokens();
        int wanted = config.count("rollout.max_new_tokens");
        if (prompt + newTokens(config) > positions) {
            throw new DataException(String.format(Locale.ROOT, "%s: the prompt has %d tokens, with %d new ones (rollout.max_new_tokens) more than the "
                    + "model's %d positions; lower rollout.max_new_tokens, data.max_prompt_length or data.max_length",
                    longest.source(), prompt, newTokens(config), positions));
        }
        if (newTokens(config) < wanted) {
            listener.note(String.format(Locale.ROOT, "answers of the policy have at most %,d tokens, not rollout.max_new_tokens, %,d: data.max_length is %,d, "
                    + "and the longest prompt has %,d", newTokens(config), wanted, room(config), prompt));
        }
    }

    /** Tokens of the longest sequence that can come up, as in {@link #longestPack}. */
    int longestSequence(Recipe recipe, RunConfig config) {
        int longest = Math.max(RowLengths.longest(rows()), RowLengths.longest(evaluation()));
        int answer = rows.stream().mapToInt(row -> RowLengths.of(row) - row.promptTokens()).max().orElse(0);
        if (recipe.rollout(config) != null) {
            longest = Math.max(longest, longestPrompt() + newTokens(config));
            answer = Math.max(answer, newTokens(config));
        }
        boolean mismatched = recipe.objective(config).kind() == Objective.Kind.KTO;
        return mismatched ? Math.max(longest, Math.min(room(config), longestPrompt() + answer)) : longest;
    }

    /** Tokens of the largest forward and backward. */
    long maxTokens(Recipe recipe, RunConfig config) {
        long longest = longestPack(recipe, config);
        return Math.max(longest, Math.min(config.integer("train.micro_tokens"), longest * Math.min(rows.size(), config.integer("train.batch"))));
    }

    /** Tokens of the longest prompt. */
    int longestPrompt() {
        return longestPrompt;
    }

    /** Tokens that an answer of the policy may have: what is asked for, as far as the longest prompt leaves room. */
    int newTokens(RunConfig config) {
        return Math.min(config.count("rollout.max_new_tokens"), room(config) - longestPrompt());
    }

    /** Tokens that a prompt and an answer may have together. */
    int room(RunConfig config) {
        return config.count("data.max_length");
    }

    /** Tokens of the longest pack that can come up: of training, of scoring, and of KTO's mismatched answers. */
    long longestPack(Recipe recipe, RunConfig config) {
        boolean share = config.flag("data.share_prompts");
        Rollout rollout = recipe.rollout(config);
        int made = rollout == null ? 0 : rollout.explored() >= 0 ? 3 : 2;
        long longest = 1;
        for (List<EncodedRow> part : List.of(rows(), evaluation())) {
            for (EncodedRow row : part) {
                long tokens = TrainRow.tokens(row, share);
                // A row that brings its online pair gets no other.
                longest = Math.max(longest, row.onlineTokens() > 0
                        ? tokens
                        : tokens + (long) made * newTokens(config) + (share ? 0 : (long) made * longestPrompt()));
            }
        }
        return recipe.objective(config).kind() == Objective.Kind.KTO ? longest + longestPrompt() : longest;
    }

    @Override
    public void close() {
        rows.close();
        if (evaluation != null) {
            evaluation.close();
        }
    }
}
