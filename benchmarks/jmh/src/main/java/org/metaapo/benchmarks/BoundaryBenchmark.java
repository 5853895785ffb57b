package org.metaapo.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.metaapo.engine.DeviceInfo;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.TokenBatch;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs to cross from Java to the engine: calls that do next to nothing behind it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class BoundaryBenchmark {
    /** Rows of pairs, and packs of a batch. */
    @Param({"1", "128"})
    public int rows;

    private Engine engine;
    private Pairs pairs;
    private double[] sums;
    private int[] prompt;
    private List<int[]> answers;

    @Setup
    public void open() {
        engine = Engine.open(DeviceSpec.CPU, 1);
        pairs = PairRows.of(rows);
        sums = PairRows.sums(rows);
        prompt = Shapes.ids(256, 8192, 0);
        answers = List.of(Shapes.ids(256, 8192, 1), Shapes.ids(256, 8192, 2));
    }

    @TearDown
    public void close() {
        engine.close();
    }

    /** A call without arguments or work: the least that crossing costs. */
    @Benchmark
    public String call() {
        return Engine.version();
    }

    /** A call that fills a struct with texts; what the device is asked for is part of it. */
    @Benchmark
    public DeviceInfo structOut() {
        return engine.info();
    }

    /** A batch of {@code rows} packs of 768 tokens, built in native memory and given back. */
    @Benchmark
    public long batchBuiltAndClosed() {
        TokenBatch.Builder builder = TokenBatch.builder();
        for (int row = 0; row < rows; row++) {
            builder.pack(prompt, answers);
        }
        try (TokenBatch batch = builder.build()) {
            return batch.tokens();
        }
    }

    /** Pair arguments marshalled, the loss of {@code rows} rows, and its results read back. */
    @Benchmark
    public PairResults pairArguments() {
        return PreferenceLoss.evaluate(pairs, sums, Objective.dpo(0.1), Weighting.constant(1), 1);
    }
}
