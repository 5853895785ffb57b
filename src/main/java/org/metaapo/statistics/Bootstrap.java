package org.metaapo.statistics;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;

/**
 * 95 % intervals of means by the percentile bootstrap (Efron, Ann. Statist. 7, 1979), in two levels: groups, such as seeds, are
 * drawn with replacement, then the values within each drawn group. With one group only its values are drawn. With few groups
 * the interval is somewhat too narrow, as every bootstrap of few values is.
 */
public final class Bootstrap {
    private static final int RESAMPLES = 2000;

    private Bootstrap() {}

    /**
     * The mean over groups of the mean over a group's values.
     *
     * @param groups one array or more, none of them empty
     * @param seed of the drawing
     */
    public static Estimate mean(List<double[]> groups, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            double sum = 0;
            for (int g = 0; g < groups.size(); g++) {
                sum += drawnMean(groups.size() == 1 ? groups.get(0) : groups.get(random.nextInt(groups.size())), random);
            }
            means[r] = sum / groups.size();
        }
        double mean = groups.stream().mapToDouble(StatUtils::mean).sum() / groups.size();
        return new Estimate(mean, StatUtils.percentile(means, 2.5), StatUtils.percentile(means, 97.5));
    }

    /**
     * The mean over all values, where whole clusters are drawn: values of one question, say, which are not independent.
     *
     * @param clusters one array or more, not all of them empty
     * @param seed of the drawing
     */
    public static Estimate pooled(List<double[]> clusters, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] sums = clusters.stream().mapToDouble(StatUtils::sum).toArray();
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            double sum = 0;
            long count = 0;
            for (int i = 0; i < sums.length; i++) {
                int drawn = random.nextInt(sums.length);
                sum += sums[drawn];
                count += clusters.get(drawn).length;
            }
            means[r] = sum / count;
        }
        double mean = StatUtils.sum(sums) / clusters.stream().mapToInt(values -> values.length).sum();
        return new Estimate(mean, StatUtils.percentile(means, 2.5), StatUtils.percentile(means, 97.5));
    }

    /** A group's number, by how often each of its members is drawn. */
    public interface Statistic {
        /** How many members there are. */
        int size();

        /** The number of a drawing; {@code times} has an entry a member, and their sum is {@link #size}. */
        double of(int[] times);
    }

    /**
     * The mean over groups of a number that is no mean over members, such as a coefficient of a fit to them.
     *
     * @param groups one or more, none of them empty
     * @param seed of the drawing
     */
    public static Estimate of(List<Statistic> groups, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            for (int g = 0; g < groups.size(); g++) {
                Statistic group = groups.size() == 1 ? groups.get(0) : groups.get(random.nextInt(groups.size()));
                int[] times = new int[group.size()];
                for (int i = 0; i < times.length; i++) {
                    times[random.nextInt(times.length)]++;
                }
                means[r] += group.of(times) / groups.size();
            }
        }
        double mean = groups.stream().mapToDouble(group -> group.of(IntStream.generate(() -> 1).limit(group.size()).toArray())).average().orElseThrow();
        return new Estimate(mean, StatUtils.percentile(means, 2.5), StatUtils.percentile(means, 97.5));
    }

    private static double drawnMean(double[] values, SplittableRandom random) {
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            sum += values[random.nextInt(values.length)];
        }
        return sum / values.length;
    }
}
