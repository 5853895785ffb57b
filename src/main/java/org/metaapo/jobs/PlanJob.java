package org.metaapo.jobs;

import java.nio.file.Path;
import java.util.Locale;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.engine.Quantization;
import org.metaapo.model.ModelFolder;
import org.metaapo.train.BaseWeights;
import org.metaapo.train.RunDisk;
import org.metaapo.train.RunMemory;
import org.metaapo.train.RunSize;

/** What a run will take, before any weight is read. */
public final class PlanJob {
    private PlanJob() {}

    /**
     * A table for people.
     *
     * @param engine of the run's device; null where that is not there, and then the plan says what it would need
     * @param ranks how many are to run it together
     */
    public static String run(Engine engine, RunConfig config, RunSize size, int ranks) {
        RunMemory memory = size.memory().decided(engine == null ? 0 : engine.info().memoryFree(), null);
        boolean adapts = size.memory().policy().adapter() > 0;
        MemoryPlan plan = memory.policy();
        StringBuilder out = new StringBuilder();
        row(out, "parameters", String.format(Locale.ROOT, "%,d", size.trained().of()));
        row(out, "trained", String.format(Locale.ROOT, "%,d", size.trained().weights()));
        row(out, "rows", String.format(Locale.ROOT, "%,d", size.rows()));
        row(out, "tokens an epoch", String.format(Locale.ROOT, "%,d", size.tokens()));
        row(out, "optimizer steps", String.format(Locale.ROOT, "%,d", size.steps()));
        row(out, "longest pack", String.format(Locale.ROOT, "%,d tokens", size.longestPack()));
        out.append('\n');
        Quantization packed = BaseWeights.policy(config, ModelFolder.readConfig(config.path("model.path"))).quantization();
        memory(out, (adapts ? "base weights" : "weights") + (packed == Quantization.NONE ? "" : " (" + packed.text() + ")"), plan.weights());
        memory(out, "adapter weights (f32)", plan.adapter());
        memory(out, "reference weights", memory.reference());
        memory(out, "gradients (f32)", plan.gradients());
        memory(out, plan.offloaded() > 0 ? "masters beyond bf16, host" : "masters beyond bf16", plan.master());
        memory(out, "moments (" + config.text("optimizer.state") + ")" + (plan.offloaded() > 0 ? ", host" : ""), plan.moments());
        memory(out, "activations kept", plan.trainerActivations());
        memory(out, "workspace", plan.trainerWorkspace());
        memory(out, "scoring", plan.scorer());
        memory(out, "generation, with its cache", plan.generator());
        memory(out, "merged copy to sample from", memory.merged());
        memory(out, "whole model to write", memory.whole());
        memory(out, "reward model", memory.reward());
        memory(out, "kernels and library", plan.backend());
        memory(out, "together" + (plan.offloaded() > 0 ? ", on the device" : ""), memory.total());
        disk(out, size.disk(), config.path("out"));
        if (engine == null) {
            row(out, "available", "unknown: no such device here");
            smaller(out, size, Long.MAX_VALUE);
            return out + (ranks == 1 ? "" : new RanksPlan(config, size, ranks).text(0, 0));
        }
        long free = engine.info().memoryFree();
        memory(out, "available", free);
        row(out, "fits", memory.total() <= free ? "yes" : "no");
        Dtype dtype = Dtype.fromName(config.text("dtype"));
        double flops = TrainingSpeed.measure(engine, dtype);
        if (dtype == Dtype.BF16) {
            row(out, "bf16 products", engine.info().bf16Native() ? "in hardware" : "widened to f32");
        }
        row(out, "training speed, measured", String.format(Locale.ROOT, "%,.0f GFLOP/s", flops * 1e-9));
        // Forward, and of a backward the inputs' gradients; the weights' only of what is trained.
        double work = 4.0 * size.trained().of() + (adapts ? 6.0 : 2.0) * size.trained().weights();
        double seconds = size.tokens() * config.integer("train.epochs") * work / flops;
        row(out, "training, estimated", String.format(Locale.ROOT, "%.1f min, sampling not counted", seconds / 60));
        smaller(out, size, free);
        return out + (ranks == 1 ? "" : new RanksPlan(config, size, ranks).text(free, seconds));
    }

    private static void disk(StringBuilder out, RunDisk disk, Path folder) {
        memory(out, "disk, checkpoints (" + disk.written() + ")", disk.written() * disk.checkpoint());
        memory(out, "disk, result", disk.result());
        memory(out, "disk, at most at once", disk.total());
        long free = RunDisk.free(folder);
        memory(out, "disk, free", free);
        if (free >= 0 && disk.total() > free) {
            row(out, "disk, fits", "no");
        }
    }

    /** Settings with which the run takes less; smaller batches do too. */
    private static void smaller(StringBuilder out, RunSize size, long free) {
        if (size.smaller().isEmpty()) {
            return;
        }
        out.append(String.format(Locale.ROOT, "%nwith less memory (lower train.micro_tokens and rollout.sequences help too):%n"));
        int width = size.smaller().keySet().stream().mapToInt(String::length).max().orElse(0);
        size.smaller().forEach((keys, bytes) -> out.append(String.format(Locale.ROOT, "  %-" + width + "s  %,14.1f MiB%s%n",
                keys, bytes / 1048576.0, free == Long.MAX_VALUE ? "" : bytes <= free ? "  fits" : "  does not fit")));
    }

    private static void row(StringBuilder out, String name, String value) {
        out.append(String.format(Locale.ROOT, "%-26s %28s%n", name, value));
    }

    private static void memory(StringBuilder out, String name, long bytes) {
        if (bytes > 0) {
            row(out, name, String.format(Locale.ROOT, "%,.1f MiB", bytes / 1048576.0));
        }
    }
}
