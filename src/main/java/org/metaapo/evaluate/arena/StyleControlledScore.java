package org.metaapo.evaluate.arena;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.statistics.Logistic;
import org.metaapo.statistics.LogisticFit;
import org.metaapo.statistics.RowBootstrap;

/**
 * Arena-Hard v2.0's score with style control: Bradley-Terry with features of style, all models of the pool fitted together; a model's score is
 * σ(β_model − β_baseline), printed as the median over bootstraps of the rows with their 5 % and 95 % quantiles.
 *
 * @param models names of the columns, the baseline among them
 * @param features what is taken out
 * @param coefficients of the models, then of the features
 * @param scores of all models from 0 to 1, the baseline's ½
 */
public record StyleControlledScore(List<String> models, List<StyleFeature> features, double[] coefficients, List<ModelScore> scores) {
    /**
     * Fits.
     *
     * @param styles of a question's answer by a model
     */
    public static StyleControlledScore of(
            List<Battle> battles, String baseline, List<StyleFeature> features, BiFunction<String, String, AnswerStyle> styles,
            ArenaSolver solver, Resamples resamples) {
        BattleDesign design = BattleDesign.of(battles, baseline, features, styles, BattleDesign.Form.MODEL_FIRST);
        int base = design.models().indexOf(baseline);
        double[] coefficients = solve(design, null, solver);
        double[][] drawn = new double[design.models().size()][resamples.rounds()];
        RowBootstrap bootstrap = new RowBootstrap(design.x().length, resamples.seed());
        for (int r = 0; r < resamples.rounds(); r++) {
            double[] round = solve(design, bootstrap.draw(), solver);
            for (int m = 0; m < drawn.length; m++) {
                drawn[m][r] = Logistic.sigmoid(round[m] - round[base]);
            }
        }
        List<ModelScore> scores = new ArrayList<>();
        for (int m = 0; m < drawn.length; m++) {
            String model = design.models().get(m);
            scores.add(new ModelScore(model, Logistic.sigmoid(coefficients[m] - coefficients[base]), RowBootstrap.quantile(drawn[m], 0.5),
                    RowBootstrap.quantile(drawn[m], 0.05), RowBootstrap.quantile(drawn[m], 0.95), design.battlesOf(model)));
        }
        return new StyleControlledScore(design.models(), features, coefficients, scores);
    }

    /** The coefficients of the rows, or of drawn ones. */
    static double[] solve(BattleDesign design, int[] drawn, ArenaSolver solver) {
        double[] counts = drawn == null ? null : counts(drawn);
        return solver.solve(new LogisticFit(design.x(), design.y(), counts, 0), design.columns());
    }

    /** How often each row was drawn. */
    static double[] counts(int[] drawn) {
        double[] counts = new double[drawn.length];
        for (int row : drawn) {
            counts[row]++;
        }
        return counts;
    }
}
