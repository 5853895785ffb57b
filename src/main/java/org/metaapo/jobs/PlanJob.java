package org.metaapo.jobs;

import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Head;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.train.RunSize;

/** What a run will take, before any weight is read. */
public final class PlanJob {
    private PlanJob() {}

    /** A table for people. */
    public static String run(Engine engine, RunConfig config, RunSize size) {
        ModelConfig model;
        try (ModelFolder folder = ModelFolder.open(config.path("model.path"))) {
            model = folder.config();
        }
        Dtype dtype = Dtype.fromName(config.text("dtype"));
        Head head = config.text("recipe").equals("reward-model") ? Head.VALUE : Head.LM;
        ModelShape shape = ModelLoader.shape(model.withHead(head));
        boolean samples = config.text("recipe").equals("metaapo");
        GeneratorOptions generator = samples
                ? new GeneratorOptions(config.count("rollout.sequences"),
                        (long) config.count("rollout.sequences") * config.integer("rollout.max_new_tokens") + 8L * size.longestPack())
                : null;
        MemoryPlan plan = Engine.plan(shape, dtype, new TrainerOptions(size.maxTokens(), config.flag("train.recompute")), generator);
        boolean reference = size.hasReference();
        long total = plan.total() + (reference ? plan.weights() : 0);
        StringBuilder out = new StringBuilder();
        row(out, "parameters", String.format("%,d", model.parameters()));
        row(out, "rows", String.format("%,d", size.rows()));
        row(out, "tokens an epoch", String.format("%,d", size.tokens()));
        row(out, "optimizer steps", String.format("%,d", size.steps()));
        row(out, "longest pack", String.format("%,d tokens", size.longestPack()));
        out.append('\n');
        memory(out, "weights", plan.weights());
        memory(out, "reference weights", reference ? plan.weights() : 0);
        memory(out, "gradients (f32)", plan.gradients());
        memory(out, "master weights (f32)", plan.master());
        memory(out, "moments (f32)", plan.moments());
        memory(out, "activations kept", plan.trainerActivations());
        memory(out, "workspace", plan.trainerWorkspace());
        memory(out, "scoring", plan.scorer());
        memory(out, "generation", plan.generator());
        memory(out, "together", total);
        long free = engine.info().memoryFree();
        memory(out, "available", free);
        row(out, "fits", total <= free ? "yes" : "no: lower train.micro_tokens or set train.recompute");
        double perToken = 6.0 * model.parameters();
        double seconds = size.tokens() * config.integer("train.epochs") * perToken / flops(engine, dtype);
        row(out, "training time, estimated", String.format("%.1f min, sampling not counted", seconds / 60));
        return out.toString();
    }

    private static void row(StringBuilder out, String name, String value) {
        out.append(String.format("%-26s %24s%n", name, value));
    }

    private static void memory(StringBuilder out, String name, long bytes) {
        if (bytes > 0) {
            row(out, name, String.format("%,.1f MiB", bytes / 1048576.0));
        }
    }

    /** FLOP/s of a training step on a small random model of this device. */
    private static double flops(Engine engine, Dtype dtype) {
        ModelShape shape = new ModelShape(512, 512, 1408, 2, 8, 4, 64, 256, 0, Head.LM, false, false, false, false, false,
                ModelShape.Rope.DEFAULT, 1e-6, 10000, 1, 0, 0, 0);
        try (Model model = engine.createModel(shape, dtype);
                Trainer trainer = model.trainer(new TrainerOptions(512, false))) {
            model.initialize(0, 0.02);
            TokenBatch.Builder builder = TokenBatch.builder();
            int[] half = new int[128];
            java.util.Arrays.fill(half, 7);
            builder.pack(half, List.of(half));
            builder.pack(half, List.of(half));
            double best = Double.MAX_VALUE;
            try (TokenBatch batch = builder.build()) {
                for (int i = 0; i < 3; i++) {
                    long start = System.nanoTime();
                    trainer.forward(batch);
                    trainer.backward(new double[] {1, 1});
                    best = Math.min(best, (System.nanoTime() - start) * 1e-9);
                }
                long parameters = model.tensors().stream().mapToLong(t -> t.count()).sum();
                return 6.0 * parameters * batch.tokens() / best;
            }
        }
    }
}
