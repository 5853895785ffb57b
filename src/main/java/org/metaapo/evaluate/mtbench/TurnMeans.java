package org.metaapo.evaluate.mtbench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.statistics.RowBootstrap;

/**
 * MT-Bench's scores of one model.
 *
 * @param first mean of the first turns; NaN without one
 * @param second of the second
 * @param average of all turns that have a score, which is not the mean of the two means
 * @param low 2.5 % quantile of the average over bootstraps of the questions
 * @param high 97.5 % quantile
 * @param categories mean of all turns of each category
 * @param categoriesByTurn the same by turn
 * @param firstCount first turns with a score
 * @param secondCount second turns with one
 */
public record TurnMeans(
        double first, double second, double average, double low, double high, Map<String, Double> categories,
        Map<String, double[]> categoriesByTurn, int firstCount, int secondCount) {
    private static final double TAIL = 0.025;

    /**
     * Means of a model's ratings.
     *
     * @param category of a question
     * @param rounds of the bootstrap
     * @throws IllegalArgumentException if no turn has a score
     */
    public static TurnMeans of(List<SingleJudgment> ratings, IntFunction<String> category, int rounds, long seed) {
        List<SingleJudgment> scored = ratings.stream().filter(rating -> rating.score() != null).toList();
        if (scored.isEmpty()) {
            throw new IllegalArgumentException("no turn has a score");
        }
        Map<String, Double> categories = new LinkedHashMap<>();
        Map<String, double[]> byTurn = new LinkedHashMap<>();
        for (SingleJudgment rating : scored) {
            String name = category.apply(rating.question());
            Predicate<SingleJudgment> isOfIt = other -> category.apply(other.question()).equals(name);
            categories.computeIfAbsent(name, absent -> mean(scored, isOfIt));
            byTurn.computeIfAbsent(name, absent -> new double[] {
                mean(scored, isOfIt.and(other -> other.turn() == 1)), mean(scored, isOfIt.and(other -> other.turn() == 2))});
        }
        double[] drawn = bootstrap(scored, rounds, seed);
        return new TurnMeans(
                mean(scored, rating -> rating.turn() == 1), mean(scored, rating -> rating.turn() == 2), mean(scored, rating -> true),
                RowBootstrap.quantile(drawn, TAIL), RowBootstrap.quantile(drawn, 1 - TAIL), categories, byTurn,
                (int) scored.stream().filter(rating -> rating.turn() == 1).count(), (int) scored.stream().filter(rating -> rating.turn() == 2).count());
    }

    private static double mean(List<SingleJudgment> ratings, Predicate<SingleJudgment> isCounted) {
        return StatUtils.mean(ratings.stream().filter(isCounted).mapToDouble(SingleJudgment::score).toArray());
    }

    private static double[] bootstrap(List<SingleJudgment> scored, int rounds, long seed) {
        Map<Integer, double[]> sums = new LinkedHashMap<>();
        for (SingleJudgment rating : scored) {
            double[] sum = sums.computeIfAbsent(rating.question(), question -> new double[2]);
            sum[0] += rating.score();
            sum[1]++;
        }
        List<double[]> questions = new ArrayList<>(sums.values());
        RowBootstrap bootstrap = new RowBootstrap(questions.size(), seed);
        double[] means = new double[rounds];
        for (int r = 0; r < rounds; r++) {
            double total = 0;
            double count = 0;
            for (int row : bootstrap.draw()) {
                total += questions.get(row)[0];
                count += questions.get(row)[1];
            }
            means[r] = total / count;
        }
        return means;
    }
}
