package org.metaapo.evaluate.arena;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.statistics.LogisticFit;
import org.metaapo.statistics.RowBootstrap;

/**
 * Arena-Hard v0.1's score: Elo ratings by Bradley-Terry (logarithms to base 10, 400 points), the baseline's fixed; a model's win rate over the
 * baseline is 1 / (1 + 10^((R_baseline − R_model) / 400)). With style control each battle is two rows, and ½‖β‖² is added to the loss.
 *
 * @param models names of the columns, the baseline among them
 * @param features what is taken out; none without style control
 * @param styleCoefficients of the features
 * @param ratings points, with 2.5 % and 97.5 % quantiles over bootstraps
 * @param winRates from 0 to 1
 */
public record EloScore(
        List<String> models, List<StyleFeature> features, double[] styleCoefficients, List<ModelScore> ratings, List<Double> winRates) {
    private static final double POINTS = 400;
    private static final double BASELINE = 1000;
    private static final double STYLE_BASELINE = 1114;

    /**
     * Fits.
     *
     * @param features none for no style control
     * @param styles of a question's answer by a model; not called without features
     */
    public static EloScore of(
            List<Battle> battles, String baseline, List<StyleFeature> features, BiFunction<String, String, AnswerStyle> styles, Resamples resamples) {
        BattleDesign design = BattleDesign.of(battles, baseline, features, styles, BattleDesign.Form.BASELINE_FIRST);
        int base = design.models().indexOf(baseline);
        double[] once = new double[design.x().length];
        Arrays.fill(once, 1);
        double[] coefficients = solve(design, once);
        double[] ratings = ratings(coefficients, design, base);
        double[][] drawn = new double[design.models().size()][resamples.rounds()];
        RowBootstrap bootstrap = new RowBootstrap(design.x().length, resamples.seed());
        for (int r = 0; r < resamples.rounds(); r++) {
            double[] round = ratings(solve(design, StyleControlledScore.counts(bootstrap.draw())), design, base);
            for (int m = 0; m < drawn.length; m++) {
                drawn[m][r] = round[m];
            }
        }
        List<ModelScore> scores = new ArrayList<>();
        List<Double> winRates = new ArrayList<>();
        for (int m = 0; m < drawn.length; m++) {
            String model = design.models().get(m);
            scores.add(new ModelScore(model, ratings[m], ratings[m], RowBootstrap.quantile(drawn[m], 0.025),
                    RowBootstrap.quantile(drawn[m], 0.975), design.battlesOf(model)));
            winRates.add(1 / (1 + Math.pow(10, (ratings[base] - ratings[m]) / POINTS)));
        }
        int models = design.models().size();
        return new EloScore(design.models(), features, Arrays.copyOfRange(coefficients, models, coefficients.length), scores, winRates);
    }

    private static double[] solve(BattleDesign design, double[] weights) {
        boolean isStyled = !design.features().isEmpty();
        double[] doubled = isStyled ? Arrays.stream(weights).map(weight -> 2 * weight).toArray() : weights;
        return new LogisticFit(design.x(), design.y(), doubled, isStyled ? 1 : 0).newton(new double[design.columns()]);
    }

    private static double[] ratings(double[] coefficients, BattleDesign design, int base) {
        double anchor = design.features().isEmpty() ? BASELINE : STYLE_BASELINE;
        double[] ratings = new double[design.models().size()];
        for (int m = 0; m < ratings.length; m++) {
            ratings[m] = anchor + POINTS * (coefficients[m] - coefficients[base]);
        }
        return ratings;
    }
}
