package org.metaapo.train;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.metaapo.config.AdapterKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.error.UsageException;
import org.metaapo.model.ModelConfig;

/** What the ranks of a run share out, {@code train.shard}: what is asked for, or the least that fits. */
final class Sharding {
    private Sharding() {}

    private static boolean isAuto(RunConfig config) {
        return config.text("train.shard").equals("auto");
    }

    private static TrainerOptions.Shard asked(RunConfig config) {
        return TrainerOptions.Shard.valueOf(config.text("train.shard").toUpperCase(Locale.ROOT));
    }

    /**
     * Throws where weights are to be shared out and the run needs them whole.
     *
     * @throws UsageException naming what needs them
     */
    static void check(RunConfig config, Recipe recipe, ModelConfig model, int ranks) {
        String reason = whole(config, recipe, model);
        if (ranks > 1 && !isAuto(config) && asked(config) == TrainerOptions.Shard.WEIGHTS && reason != null) {
            throw new UsageException("train.shard is weights, and " + reason + "; give train.shard=gradients");
        }
    }

    /** Why a run needs whole weights on each rank; null where it does not. */
    private static String whole(RunConfig config, Recipe recipe, ModelConfig model) {
        if (recipe.rollout(config) != null) {
            return String.format(Locale.ROOT, "recipe %s samples answers, for which each rank needs whole weights, %,.0f MiB",
                    config.text("recipe"), model.parameters() * (config.text("dtype").equals("bf16") ? 2 : 4) / 1048576.0);
        }
        if (BaseWeights.policy(config, model).quantization() != Quantization.NONE) {
            return "packed weights are small and stay whole";
        }
        if (config.flag("reference.offload")) {
            return "reference.offload keeps the reference's whole in host memory";
        }
        return AdapterKeys.asked(config) && config.flag("adapter.merge") ? "adapter.merge works the adapter into whole ones" : null;
    }

    private static List<TrainerOptions.Shard> possible(RunConfig config, Recipe recipe, ModelConfig model) {
        return List.of(TrainerOptions.Shard.values()).subList(0, whole(config, recipe, model) == null ? 4 : 3);
    }

    /** Bytes of each of several ranks by what they share out, as far as the run can; none for one rank. */
    static Map<TrainerOptions.Shard, RunMemory> stages(RunConfig config, Recipe recipe, ModelConfig model, RunData data, int ranks) {
        check(config, recipe, model, ranks);
        Map<TrainerOptions.Shard, RunMemory> stages = new EnumMap<>(TrainerOptions.Shard.class);
        for (TrainerOptions.Shard stage : ranks == 1 ? List.<TrainerOptions.Shard>of() : possible(config, recipe, model)) {
            stages.put(stage, RunMemory.of(config, recipe, model, data, ranks, stage));
        }
        return stages;
    }

    /**
     * What is shared out.
     *
     * @param free bytes that every rank can have
     * @param merging see {@link RunMemory#decided}
     * @param before what a run that goes on has chosen; null for a new one
     */
    static TrainerOptions.Shard of(
            RunConfig config, Recipe recipe, ModelConfig model, RunData data, int ranks, long free, Boolean merging, TrainerOptions.Shard before) {
        if (ranks == 1) {
            return TrainerOptions.Shard.NONE;
        }
        if (!isAuto(config)) {
            return asked(config);
        }
        List<TrainerOptions.Shard> stages = new ArrayList<>(possible(config, recipe, model));
        if (stages.contains(before)) {
            // It decides the bits, unless other ranks have too little room for it.
            stages.add(0, before);
        }
        for (TrainerOptions.Shard stage : stages) {
            if (RunMemory.of(config, recipe, model, data, ranks, stage).decided(free, merging).total() <= free) {
                return stage;
            }
        }
        return stages.get(stages.size() - 1);
    }
}
