package org.metaapo.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.metaapo.engine.AdamW;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Single ops through the bindings, on models of one layer whose shape makes the op most of the work. {@code op_bench} times
 * the ops themselves.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 2)
public class OpBenchmark {
    /** Where, and of what type. */
    @State(Scope.Thread)
    public static class Place {
        /** {@code cpu} or {@code cuda:N}. */
        @Param("cpu")
        public String device;

        /** Of weights and activations. */
        @Param({"f32", "bf16"})
        public String dtype;
    }

    /** AdamW on a model of about so many parameters, with zero gradients. */
    @State(Scope.Thread)
    public static class Optimizer {
        /** Millions of parameters. */
        @Param({"1", "16"})
        public int millions;

        private World world;
        private Trainer trainer;
        private long step;

        @Setup
        public void open(Place place) {
            world = new World(place.device, place.dtype, Shapes.llama(millions * 8192, 64, 64, 1, 64));
            trainer = world.model.trainer(new TrainerOptions(64, false));
        }

        @TearDown
        public void close() {
            trainer.close();
            world.close();
        }
    }

    /** Scoring a batch of one prompt. */
    @State(Scope.Thread)
    public abstract static class Scoring {
        private World world;
        private Scorer scorer;
        private TokenBatch batch;

        final void open(Place place, int vocab, int hidden, int promptTokens, int answerTokens) {
            world = new World(place.device, place.dtype, Shapes.llama(vocab, hidden, 64, 1, promptTokens + answerTokens));
            batch = Shapes.pairs(1, promptTokens, answerTokens, vocab);
            scorer = world.model.scorer(batch.tokens());
        }

        final double[] score() {
            return scorer.logprobs(batch);
        }

        @TearDown(Level.Trial)
        public void close() {
            scorer.close();
            batch.close();
            world.close();
        }
    }

    /** A large vocabulary on a thin layer: the head is the work. */
    public static class HeadScoring extends Scoring {
        /** Words. */
        @Param({"8192", "32768"})
        public int vocab;

        @Setup
        public void open(Place place) {
            open(place, vocab, 256, 16, 256);
        }
    }

    /** A long prompt with short answers on a small vocabulary: attention is the work. */
    public static class AttentionScoring extends Scoring {
        /** Tokens of the prompt. */
        @Param({"512", "2048"})
        public int length;

        @Setup
        public void open(Place place) {
            open(place, 64, 512, length, 16);
        }
    }

    /** Short answers of a thin model with a large vocabulary: sampling is a good part of the work. */
    @State(Scope.Thread)
    public static class Answers {
        /** Answers at once. */
        @Param({"1", "16"})
        public int sequences;

        private World world;
        private Generator generator;
        private List<int[]> prompts;

        @Setup
        public void open(Place place) {
            world = new World(place.device, place.dtype, Shapes.llama(32768, 64, 64, 1, 128));
            prompts = Shapes.prompts(1, 16, 32768);
            generator = world.model.generator(new GeneratorOptions(sequences, 128 + 128L * sequences));
        }

        @TearDown
        public void close() {
            generator.close();
            world.close();
        }
    }

    /** Wide layers under a small vocabulary, packed or not: products with their weights are the work. */
    @State(Scope.Thread)
    public static class Packed {
        /** How the weights are kept. */
        @Param({"none", "nf4", "int8"})
        public String quantize;

        private World world;
        private Generator generator;
        private Scorer scorer;
        private TokenBatch batch;
        private List<int[]> prompts;

        @Setup
        public void open(Place place) {
            world = new World(place.device, place.dtype, Quantization.fromName(quantize), Shapes.llama(512, 1024, 4096, 2, 1024));
            prompts = Shapes.prompts(1, 16, 512);
            generator = world.model.generator(new GeneratorOptions(1, 256));
            batch = Shapes.pairs(1, 256, 128, 512);
            scorer = world.model.scorer(batch.tokens());
        }

        @TearDown
        public void close() {
            scorer.close();
            batch.close();
            generator.close();
            world.close();
        }
    }

    /** One optimizer step. */
    @Benchmark
    public double adamw(Optimizer o) {
        return o.trainer.step(new AdamW(1e-6, 0.9, 0.95, 1e-8, 0.01, 1, ++o.step));
    }

    /** Log-probs of 512 answer tokens. */
    @Benchmark
    public double[] logprobHead(HeadScoring s) {
        return s.score();
    }

    /** A forward over a prompt and two short answers. */
    @Benchmark
    public double[] attention(AttentionScoring s) {
        return s.score();
    }

    /** One answer of 32 tokens: its products read packed weights where they lie. */
    @Benchmark
    public List<List<GeneratedAnswer>> packedDecoding(Packed p) {
        return p.generator.generate(p.prompts, new long[1], new Sampling(1, 32, true, 0, 1, 1, 42, new int[0]), null);
    }

    /** A forward of 512 tokens: each matrix is unpacked in front of its product. */
    @Benchmark
    public double[] packedScoring(Packed p) {
        return p.scorer.logprobs(p.batch);
    }

    /** 16 tokens an answer, top-p 0.9. */
    @Benchmark
    public List<List<GeneratedAnswer>> sampling(Answers a) {
        Sampling sampling = new Sampling(a.sequences, 16, false, 0, 0.9, 1, 42, new int[0]);
        return a.generator.generate(a.prompts, new long[1], sampling, null);
    }
}
