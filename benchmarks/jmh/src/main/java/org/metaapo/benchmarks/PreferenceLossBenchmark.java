package org.metaapo.benchmarks;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Weighting;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The fused loss with the meta-learner, on the host, by rows. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PreferenceLossBenchmark {
    /** Rows of a step. */
    @Param({"16", "128", "4096"})
    public int rows;

    private Pairs pairs;
    private double[] sums;
    private double[] scores;
    private Weighting learned;

    @Setup
    public void make() {
        pairs = PairRows.of(rows);
        sums = PairRows.sums(rows);
        scores = new double[rows];
        Arrays.setAll(scores, i -> -Math.abs(Math.sin(i)));
        double[] parameters = new double[301];
        Arrays.fill(parameters, 0.1);
        learned = Weighting.learned(parameters, 1);
    }

    /** Scores, weights, losses and gradients of all rows. */
    @Benchmark
    public PairResults loss() {
        return PreferenceLoss.evaluate(pairs, sums, Objective.dpo(0.1), learned, 1);
    }

    /** The meta-learner alone. */
    @Benchmark
    public double[] weights() {
        return PreferenceLoss.weights(learned, scores);
    }
}
