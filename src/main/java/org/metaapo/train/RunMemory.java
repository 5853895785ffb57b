package org.metaapo.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.AdapterKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.Quantization;
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
 * @param reward weights and workspace of a local reward model; 0 without one, and without weights where it is an adapter over the policy's
 * @param merged weights of the copy with the adapter worked in that answers are sampled from; 0 without one
 * @param mergeable the same of a copy that is made where it fits
 * @param whole weights of the model that is written at the end where the base is packed and adapter.merge asks for it; 0 where a copy is
 *     there anyway
 */
public record RunMemory(MemoryPlan policy, long reference, long reward, long merged, long mergeable, long whole) {
    /** Settings by which a run takes less memory, the cheaper ones first. */
    private static final List<List<Map.Entry<String, Object>>> SMALLER = List.of(
            List.of(Map.entry("rollout.merge", "false")),
            List.of(Map.entry("train.recompute", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.state", "8bit")),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.offload", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.offload", true), Map.entry("reference.offload", true)),
            List.of(Map.entry("train.recompute", true), Map.entry("optimizer.state", "8bit"), Map.entry("optimizer.offload", true),
                    Map.entry("reference.offload", true)));

    /** More of them where an adapter is trained over weights that are not packed. */
    private static final List<List<Map.Entry<String, Object>>> SMALLER_BASE = List.of(
            List.of(Map.entry("model.quantize", "nf4")), List.of(Map.entry("train.recompute", true), Map.entry("model.quantize", "nf4")));

    static RunMemory of(RunConfig config, Recipe recipe, ModelConfig model, RunData data) {
        return of(config, recipe, model, data, 1, TrainerOptions.Shard.NONE);
    }

    /** As the other, of each of {@code ranks} that share out what {@code shard} says. */
    static RunMemory of(RunConfig config, Recipe recipe, ModelConfig model, RunData data, int ranks, TrainerOptions.Shard shard) {
        Dtype dtype = Dtype.fromName(config.text("dtype"));
        DeviceSpec device = Engine.resolve(DeviceSpec.parse(config.text("device")));
        long maxTokens = data.maxTokens(recipe, config);
        PolicyAdapter adapter = PolicyAdapter.of(config, model, config.path("model.path"), recipe.head());
        ModelShape shape = ModelLoader.shape(model.withHead(recipe.head()), data.longestSequence(recipe, config));
        GeneratorOptions generator = null;
        Rollout rollout = recipe.rollout(config);
        if (rollout != null) {
            generator = AnswerWriter.room(
                    config.count("rollout.sequences"), data.rows().size(), rollout.answers(), data.longestPrompt(), data.newTokens(config));
        }
        TrainerOptions trainer = trainerOptions(config, maxTokens, shard);
        boolean sharded = shard == TrainerOptions.Shard.WEIGHTS;
        ModelOptions weights = BaseWeights.policy(config, model, sharded);
        MemoryPlan policy = Engine.plan(shape, weights, device, ranks, adapter == null ? null : adapter.shape(), trainer, generator);
        long reference = !recipe.needsReference(config) ? 0
                : adapter != null && adapter.sharesReference(config) ? adapter.copiesReference(config, recipe) ? policy.adapter() : 0
                : reference(config, model, shape, device, ranks, sharded);
        long reward = 0;
        RewardSource source = recipe.rewards(config);
        if (source != null && source.isLocal()) {
            reward = reward(source, dtype, device, new TrainerOptions(maxTokens, true), adapter != null && source.isOverThePolicy());
        }
        long unpacked = Engine.plan(shape, new ModelOptions(dtype), device, 1, null, null, null).weights();
        long copy = adapter == null || generator == null ? 0 : unpacked;
        long whole = weights.quantization() != Quantization.NONE && config.flag("adapter.merge") ? unpacked : 0;
        return switch (config.text("rollout.merge")) {
            case "true" -> new RunMemory(policy, reference, reward, copy, 0, copy > 0 ? 0 : whole);
            case "false" -> new RunMemory(policy, reference, reward, 0, 0, whole);
            default -> new RunMemory(policy, reference, reward, 0, copy, whole);
        };
    }

    /** Bytes of a reference with weights of its own, of the policy's shape. */
    private static long reference(RunConfig config, ModelConfig policy, ModelShape shape, DeviceSpec device, int ranks, boolean sharded) {
        ModelOptions options = referenceOptions(config, policy, sharded);
        MemoryPlan plan = Engine.plan(shape, options, device, ranks, null, null, null);
        return options.offloaded() ? plan.weightsOffloaded() : plan.weights();
    }

    private static ModelOptions referenceOptions(RunConfig config, ModelConfig policy, boolean sharded) {
        Path path = config.path("reference.path");
        return BaseWeights.reference(config, path == null ? policy : ModelFolder.readConfig(path), path == null ? config.path("model.path") : path,
                sharded);
    }

    /** Bytes of a local reward model; {@code shared} of an adapter over weights that are there anyway. */
    private static long reward(RewardSource source, Dtype dtype, DeviceSpec device, TrainerOptions room, boolean shared) {
        try (AdaptedFolder folder = source.folder()) {
            AdapterShape adapter = folder.adapter() == null ? null : folder.adapter().shape();
            ModelOptions options = new ModelOptions(dtype, false, folder.quantization());
            MemoryPlan plan = Engine.plan(ModelLoader.shape(folder.config()), options, device, 1, adapter, room, null);
            return (shared ? 0 : plan.weights()) + plan.adapter() + plan.scorer();
        }
    }

    /**
     * With the choice made whether answers are sampled from a merged copy, where the configuration leaves it open.
     *
     * @param free bytes of the device
     * @param before what a run that goes on has chosen; null for a new one
     */
    public RunMemory decided(long free, Boolean before) {
        boolean copies = mergeable > 0 && (before == null ? total() - whole + mergeable <= free : before);
        return new RunMemory(policy, reference, reward, merged + (copies ? mergeable : 0), 0, copies ? 0 : whole);
    }

    /** Options of a run's trainer. */
    static TrainerOptions trainerOptions(RunConfig config, long maxTokens, TrainerOptions.Shard shard) {
        TrainerOptions.OptimizerState state = config.text("optimizer.state").equals("8bit")
                ? TrainerOptions.OptimizerState.EIGHT_BIT
                : TrainerOptions.OptimizerState.F32;
        return new TrainerOptions(maxTokens, config.flag("train.recompute"), state, config.integer("seed"), config.flag("optimizer.offload"), shard);
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
        boolean packed = BaseWeights.policy(config, model).quantization() != Quantization.NONE;
        Quantization reference = referenceOptions(config, model, false).quantization();
        List<List<Map.Entry<String, Object>>> settings = new ArrayList<>(SMALLER);
        if (AdapterKeys.asked(config) && !packed && reference != Quantization.INT8 && !config.flag("reference.offload")) {
            settings.addAll(SMALLER_BASE);
        }
        for (List<Map.Entry<String, Object>> setting : settings) {
            RunConfig changed = config;
            for (Map.Entry<String, Object> key : setting) {
                changed = changed.with(key.getKey(), key.getValue());
            }
            if (changed.flag("reference.offload") && (referenceAnswers || reference != Quantization.NONE)) {
                continue;
            }
            long total = of(changed, recipe, model, data).total();
            if (total < total() && !totals.containsValue(total)) {
                totals.put(setting.stream().map(Map.Entry::toString).collect(Collectors.joining(" ")), total);
            }
        }
        return totals;
    }

    /** All together. */
    public long total() {
        return policy.total() + reference + reward + merged + whole;
    }

    /** Throws if {@code free} bytes are too few. */
    void check(long free) {
        if (total() > free) {
            throw new DeviceException(String.format(Locale.ROOT, "the run needs %,.0f MiB (weights, gradients and moments %,.0f, activations and workspace %,.0f, generation %,.0f, "
                            + "reference, reward model and merged copy %,.0f), %,.0f MiB are available; lower train.micro_tokens or rollout.sequences, "
                            + "or set train.recompute=true, optimizer.state=8bit or dtype=bf16" + (policy.backend() > 0
                            ? ", or on a GPU optimizer.offload=true or reference.offload=true" : "") + (merged > 0 ? ", or rollout.merge=false" : ""),
                    mib(total()), mib(policy.weights() + policy.adapter() + policy.gradients() + policy.master() + policy.moments() - policy.offloaded()),
                    mib(policy.trainerActivations() + policy.trainerWorkspace() + policy.scorer() + policy.backend()), mib(policy.generator()),
                    mib(reference + reward + merged + whole), mib(free)));
        }
    }

    private static double mib(long bytes) {
        return bytes / 1048576.0;
    }
}
