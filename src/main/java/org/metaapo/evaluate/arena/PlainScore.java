package org.metaapo.evaluate.arena;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.statistics.RowBootstrap;

/** Arena-Hard v2.0's score without style control: a model's mean outcome, and the 5 % and 95 % quantiles over bootstraps of its own battles. */
public final class PlainScore {
    private PlainScore() {}

    /** Scores from 0 to 1, the models in the order of the battles. */
    public static List<ModelScore> of(List<Battle> battles, Resamples resamples) {
        Map<String, List<Double>> outcomes = new LinkedHashMap<>();
        battles.forEach(battle -> IntStream.range(0, battle.weight()).forEach(
                i -> outcomes.computeIfAbsent(battle.model(), model -> new ArrayList<>()).add(battle.outcome())));
        List<ModelScore> scores = new ArrayList<>();
        outcomes.forEach((model, list) -> scores.add(score(model, list.stream().mapToDouble(Double::doubleValue).toArray(), resamples)));
        return scores;
    }

    private static ModelScore score(String model, double[] outcomes, Resamples resamples) {
        RowBootstrap bootstrap = new RowBootstrap(outcomes.length, resamples.seed());
        double[] means = new double[resamples.rounds()];
        for (int r = 0; r < means.length; r++) {
            means[r] = IntStream.of(bootstrap.draw()).mapToDouble(i -> outcomes[i]).sum() / outcomes.length;
        }
        return new ModelScore(model, StatUtils.mean(outcomes), StatUtils.mean(means), RowBootstrap.quantile(means, 0.05),
                RowBootstrap.quantile(means, 0.95), outcomes.length);
    }
}
