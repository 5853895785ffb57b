package org.metaapo.train;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.text.ChatFormat;

/** The tokens of a run, and what names them. */
final class RunData {
    private final List<EncodedRow> rows;
    private final List<EncodedRow> evaluation;
    private final ChatFormat format;
    private final int maxPositions;
    private final Map<EncodedRow, Integer> indices = new IdentityHashMap<>();

    RunData(List<EncodedRow> rows, List<EncodedRow> evaluation, ChatFormat format, int maxPositions) {
        this.rows = rows;
        this.evaluation = evaluation;
        this.format = format;
        this.maxPositions = maxPositions;
        for (int i = 0; i < rows.size(); i++) {
            indices.put(rows.get(i), i);
        }
    }

    List<EncodedRow> rows() {
        return rows;
    }

    List<EncodedRow> evaluation() {
        return evaluation;
    }

    ChatFormat format() {
        return format;
    }

    int index(EncodedRow row) {
        return indices.get(row);
    }

    /** Tokens of the largest forward and backward. */
    long maxTokens(Recipe recipe, RunConfig config) {
        long longest = longestPack(recipe, config);
        return Math.max(longest, Math.min(config.integer("train.micro_tokens"), longest * Math.min(rows.size(), config.integer("train.batch"))));
    }

    /** Tokens of the longest prompt. */
    int longestPrompt() {
        return rows.stream().mapToInt(row -> row.prompt().length).max().orElse(0);
    }

    /** Tokens that an answer of the policy may have: what is asked for, as far as the longest prompt leaves room. */
    int newTokens(RunConfig config) {
        int room = Math.min(maxPositions, config.count("data.max_length")) - longestPrompt();
        return Math.max(1, Math.min(config.count("rollout.max_new_tokens"), room));
    }

    /** Tokens of the longest pack that can come up. */
    long longestPack(Recipe recipe, RunConfig config) {
        boolean share = config.flag("data.share_prompts");
        long longest = 1;
        for (List<EncodedRow> part : List.of(rows, evaluation)) {
            for (EncodedRow row : part) {
                longest = Math.max(longest, new TrainRow(row, null, null).tokens(share));
            }
        }
        if (recipe == Recipe.METAAPO) {
            longest += 2L * newTokens(config) + (share ? 0 : 2L * longestPrompt());
        }
        return longest;
    }
}
