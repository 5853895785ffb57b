package org.metaapo.train;

import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.error.DataException;

/**
 * Inputs of the meta-learner beside the score, {@code meta.features}: the paper names its one input as its limit. Lengths are
 * shares of {@code data.max_prompt_length} and {@code data.max_length}, the epoch a share of {@code train.epochs}, and the gap of
 * rewards is the data's score_chosen − score_rejected as it stands.
 */
public final class MetaFeatures {
    private final List<String> names;
    private final double maxPrompt;
    private final double maxLength;
    private final double epochs;

    MetaFeatures(RunConfig config) {
        this.names = config.texts("meta.features");
        this.maxPrompt = config.integer("data.max_prompt_length");
        this.maxLength = config.integer("data.max_length");
        this.epochs = config.integer("train.epochs");
    }

    /** Inputs of the meta-learner, the score among them. */
    int inputs() {
        return inputs(names);
    }

    /** Inputs of a meta-learner with these features, the score among them whether it is named or not. */
    public static int inputs(List<String> features) {
        return 1 + features.stream().mapToInt(MetaFeatures::widthOf).sum();
    }

    private static int widthOf(String name) {
        return switch (name) {
            case "score" -> 0;
            case "answer_lengths" -> 2;
            default -> 1;
        };
    }

    /** Inputs but the score of rows, row by row; null where the score is the only one. */
    double[] of(List<? extends EncodedRow> rows, long epoch) {
        int width = inputs() - 1;
        if (width == 0) {
            return null;
        }
        double[] values = new double[rows.size() * width];
        int at = 0;
        for (EncodedRow row : rows) {
            for (String name : names) {
                switch (name) {
                    case "prompt_length" -> values[at++] = row.promptTokens() / maxPrompt;
                    case "answer_lengths" -> {
                        values[at++] = row.chosenTokens() / maxLength;
                        values[at++] = row.rejectedTokens() / maxLength;
                    }
                    case "reward_gap" -> values[at++] = gap(row.row());
                    case "epoch" -> values[at++] = epoch / epochs;
                    default -> { }
                }
            }
        }
        return values;
    }

    private static double gap(Row row) {
        if (row.scoreChosen() == null || row.scoreRejected() == null) {
            throw new DataException(row.source() + ": no score_chosen and score_rejected, which meta.features reward_gap needs");
        }
        return row.scoreChosen() - row.scoreRejected();
    }

    /** Throws if a row lacks what a feature needs; before any weight is loaded. */
    void check(List<EncodedRow> rows) {
        if (names.contains("reward_gap")) {
            rows.forEach(row -> gap(row.row()));
        }
    }
}
