package org.metaapo.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.error.DeviceException;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.reward.RewardSource;
import org.metaapo.rollout.AnswerWriter;

/**
 * Bytes that a run will take on its device, known before any weight is read.
 *
 * @param policy the policy with its trainer, scorer and generator
 * @param reference weights of the reference; 0 without one
 * @param reward weights and workspace of a local reward model; 0 without one
 */
public record RunMemory(MemoryPlan policy, long reference, long reward) {
    /** Settings by which a run takes less memory, the cheaper ones first. */
    private static final List<List<Map.Entry<String, Object>>> SMALLER = List.of(
            List.of(Map.entry("train.recompute", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.state", "8bit")),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.offload", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.offload", true), Map.entry("reference.offload", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.state", "8bit"), Map.entry("optimizer.offload", true),
                    Map.entry("reference.offload", true)));

    static RunMemory of(RunConfig config, Recipe recipe, ModelConfig model, RunData data) {
        Dtype dtype = Dtype.fromName(config.text("dtype"));
        DeviceSpec device = Engine.resolve(DeviceSpec.parse(config.text("device")));
        long maxTokens = data.maxTokens(recipe, config);
        PolicyAdapter adapter = PolicyAdapter.of(config, model, config.path("model.path"), recipe.head());
        ModelShape shape = ModelLoader.shape(adapter == null ? model.withHead(recipe.head()) : model, data.longestSequence(recipe, config));
        GeneratorOptions generator = null;
        Rollout rollout = recipe.rollout(config);
        if (rollout != null) {
            generator = AnswerWriter.room(
                    config.count("rollout.sequences"), data.rows().size(), rollout.answers(), data.longestPrompt(), data.newTokens(config));
        }
        TrainerOptions trainer = trainerOptions(config, maxTokens);
        MemoryPlan policy = Engine.plan(shape, dtype, device, adapter == null ? null : adapter.shape(), trainer, generator);
        long reference = !recipe.needsReference(config) ? 0
                : adapter != null && config.path("reference.path") == null ? ownReference(config, recipe, adapter, policy)
                : config.flag("reference.offload") ? policy.weightsOffloaded() : policy.weights();
        long reward = 0;
        RewardSource source = recipe.rewards(config);
        if (source != null && source.isLocal()) {
            MemoryPlan plan = Engine.plan(
                    ModelLoader.shape(ModelFolder.readConfig(config.path("reward.path"))), dtype, device, null, new TrainerOptions(maxTokens, true), null);
            reward = plan.weights() + plan.scorer();
        }
        return new RunMemory(policy, reference, reward);
    }

    /** Bytes of a reference that is the policy's own start, where an adapter is trained: the model without it takes none. */
    private static long ownReference(RunConfig config, Recipe recipe, PolicyAdapter adapter, MemoryPlan policy) {
        return adapter.start() == null && recipe.referenceUpdate(config) == References.Update.NEVER ? 0 : policy.adapter();
    }

    /** Options of a run's trainer. */
    static TrainerOptions trainerOptions(RunConfig config, long maxTokens) {
        TrainerOptions.OptimizerState state = config.text("optimizer.state").equals("8bit")
                ? TrainerOptions.OptimizerState.EIGHT_BIT
                : TrainerOptions.OptimizerState.F32;
        return new TrainerOptions(maxTokens, config.flag("train.recompute"), state, config.integer("seed"), config.flag("optimizer.offload"));
    }

    /**
     * What the run would take with other settings, those left out that are no less than this or than one before.
     *
     * @return bytes by the keys that are given beside the configuration's
     */
    Map<String, Long> smaller(RunConfig config, Recipe recipe, ModelConfig model, RunData data) {
        Rollout rollout = recipe.rollout(config);
        boolean referenceAnswers = rollout != null && rollout.referenceAnswers() > 0;
        Map<String, Long> totals = new LinkedHashMap<>();
        for (List<Map.Entry<String, Object>> setting : SMALLER) {
            RunConfig changed = config;
            for (Map.Entry<String, Object> key : setting) {
                changed = changed.with(key.getKey(), key.getValue());
            }
            long total = of(changed, recipe, model, data).total();
            boolean possible = !changed.flag("reference.offload") || !referenceAnswers;
            if (possible && total < total() && !totals.containsValue(total)) {
                totals.put(setting.stream().map(Map.Entry::toString).collect(Collectors.joining(" ")), total);
            }
        }
        return totals;
    }

    /** All together. */
    public long total() {
        return policy.total() + reference + reward;
    }

    /** Throws if {@code free} bytes are too few. */
    void check(long free) {
        if (total() > free) {
            throw new DeviceException(String.format(Locale.ROOT, "the run needs %,.0f MiB (weights, gradients and moments %,.0f, activations and workspace %,.0f, generation %,.0f, "
                            + "reference and reward model %,.0f), %,.0f MiB are available; lower train.micro_tokens or rollout.sequences, "
                            + "or set train.recompute=true, optimizer.state=8bit or dtype=bf16" + (policy.backend() > 0
                            ? ", or on a GPU optimizer.offload=true or reference.offload=true" : ""),
                    mib(total()), mib(policy.weights() + policy.gradients() + policy.master() + policy.moments() - policy.offloaded()),
                    mib(policy.trainerActivations() + policy.trainerWorkspace() + policy.scorer() + policy.backend()), mib(policy.generator()),
                    mib(reference + reward), mib(free)));
        }
    }

    private static double mib(long bytes) {
        return bytes / 1048576.0;
    }
}
