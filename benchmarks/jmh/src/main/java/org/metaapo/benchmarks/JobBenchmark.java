package org.metaapo.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.metaapo.engine.AdamW;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Network;
import org.metaapo.engine.Objective;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
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

/** Whole jobs through the bindings: scoring, a DPO step, K = 8 answers. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 4)
public class JobBenchmark {
    private static final int PROMPTS = 4;
    private static final int K = 8;

    /** {@code cpu} or {@code cuda:N}. */
    @Param("cpu")
    public String device;

    /** Of weights and activations. */
    @Param({"f32", "bf16"})
    public String dtype;

    /** Model: tiny, 30m or 1.5b. */
    @Param("30m")
    public String model;

    /** Tokens of a prompt, and of an answer. */
    @Param("256")
    public int length;

    /** Rank of an adapter on all projections, which is what is trained and what the other jobs run with; 0 for none. */
    @Param("0")
    public int adapterRank;

    private World world;
    private TokenBatch batch;
    private Scorer scorer;
    private Trainer trainer;
    private Generator generator;
    private List<int[]> prompts;
    private Pairs pairs;
    private long step;

    @Setup
    public void open() {
        world = new World(device, dtype, Shapes.named(model));
        int vocab = world.model.shape().vocabSize();
        batch = Shapes.pairs(PROMPTS, length, length, vocab);
        Network network = adapterRank == 0 ? world.model : world.adapter(adapterRank);
        scorer = network.scorer(batch.tokens());
        trainer = network.trainer(new TrainerOptions(batch.tokens(), false));
        prompts = Shapes.prompts(PROMPTS, length, vocab);
        generator = network.generator(new GeneratorOptions(PROMPTS * K, PROMPTS * (length + 64L + K * 128)));
        Pairs rows = PairRows.of(PROMPTS);
        pairs = new Pairs(rows.chosen(), rows.rejected(), null, null, scorer.logprobs(batch), null);
    }

    @TearDown
    public void close() {
        generator.close();
        trainer.close();
        scorer.close();
        batch.close();
        world.close();
    }

    /** Log-probs of four prompts with two answers each. */
    @Benchmark
    public double[] score() {
        return scorer.logprobs(batch);
    }

    /** Forward, loss, backward, clipping and AdamW on four pairs. */
    @Benchmark
    public double dpoStep() {
        trainer.preference(batch, pairs, Objective.dpo(0.1), Weighting.constant(1), 1.0 / PROMPTS, null);
        return trainer.step(new AdamW(1e-6, 0.9, 0.95, 1e-8, 0.01, 1, ++step));
    }

    /** Eight answers of 32 tokens to each of four prompts. */
    @Benchmark
    public List<List<GeneratedAnswer>> generate() {
        Sampling sampling = new Sampling(K, 32, false, 0, 1, 1, 42, new int[0]);
        return generator.generate(prompts, new long[PROMPTS], sampling, null);
    }
}
