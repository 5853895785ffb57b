package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.config.Program;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Row;
import org.metaapo.adapter.AdapterFolder;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.DeviceInfo;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.Network;
import org.metaapo.engine.Objective;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;

/** What a run works with: settings, data, models, the source of rewards. Whoever opens them closes all by closing this. */
final class RunParts implements AutoCloseable {
    private final RunConfig config;
    private final Recipe recipe;
    private final RunData data;
    private final ModelFolder source;
    private final RunListener listener;
    private final StopSignal stop;
    private final Ranks ranks;
    private final Rollout rollout;
    private final Objective objective;
    private final OwnObjective own;
    private final MetaLearning meta;
    private final Engine engine;
    private final long maxTokens;
    private final List<AutoCloseable> open = new ArrayList<>();

    private final PolicyAdapter adapter;
    private Model model;
    /** The model, or the adapter on it that is trained. */
    private Network policy;
    /** Takes the model with the adapter worked in before answers are sampled; null where they are sampled without a copy. */
    private Model merged;
    private Trainer trainer;
    /** What the ranks share out. */
    private TrainerOptions.Shard shard;
    private References references;
    private Annotator reward;

    RunParts(RunConfig config, Recipe recipe, RunData data, ModelFolder source, RunListener listener, StopSignal stop, Ranks ranks) {
        this.ranks = ranks;
        this.config = config;
        this.recipe = recipe;
        this.data = data;
        this.source = source;
        this.listener = listener;
        this.stop = stop;
        this.rollout = recipe.rollout(config);
        this.objective = recipe.objective(config);
        this.meta = keep(new MetaLearning(config, recipe));
        this.maxTokens = data.maxTokens(recipe, config);
        this.adapter = PolicyAdapter.of(config, source.config(), source.path(), recipe.head());
        this.engine = keep(ranks.agree(() -> Engine.open(DeviceSpec.parse(config.text("device")), config.count("threads"))));
        ranks.join(engine);
        this.own = recipe.isPreference() ? OwnObjective.of(config) : null;
        if (own != null) {
            keep(own);
        }
    }

    private <T extends AutoCloseable> T keep(T resource) {
        open.add(0, resource);
        return resource;
    }

    private Dtype dtype() {
        return Dtype.fromName(config.text("dtype"));
    }

    /**
     * Loads policy and source of rewards, the cheaper one first; throws where the run does not fit in memory.
     *
     * @param merging whether a run that goes on has sampled from a merged copy; null for a new run
     * @param before what the ranks of a run that goes on have shared out; null for a new run
     */
    void load(RunFolder folder, Totals totals, Boolean merging, TrainerOptions.Shard before) {
        long free = memoryFree();
        RunMemory memory = ranks.agree(() -> {
            shard = Sharding.of(config, recipe, source.config(), data, ranks.size(), free, merging, before);
            RunMemory planned = RunMemory.of(config, recipe, source.config(), data, ranks.size(), shard).decided(free, merging);
            planned.check(free);
            return planned;
        });
        RewardSource rewards = recipe.rewards(config);
        if (rewards != null && !rewards.isLocal()) {
            reward = keep(rewards.open(engine, dtype(), maxTokens, folder.rewards(), ranks));
            tryOut(totals);
        }
        Quantization packed = BaseWeights.policy(config, source.config()).quantization();
        if (packed != Quantization.NONE) {
            listener.note("base: " + source.path() + ", its linear maps as " + packed.described());
        }
        listener.note("trained: " + Trained.of(adapter, source.config().withHead(recipe.head())));
        listener.begin("loading the model", 0);
        ranks.agree(() -> {
            loadPolicy();
            merged = memory.merged() > 0 ? newPolicyModel(recipe.head(), new ModelOptions(dtype())) : null;
            return null;
        });
        if (rewards != null && rewards.isLocal()) {
            boolean shared = adapter != null && rewards.isOverThePolicy();
            reward = keep(shared ? rewards.openOn(model, maxTokens, ranks) : rewards.open(engine, dtype(), maxTokens, null, ranks));
        }
        listener.end();
    }

    /** Bytes that every rank can have: those of a machine share its memory, and each has a GPU of its own. */
    private long memoryFree() {
        double own = (double) (engine.info().memoryFree() / (isCuda() ? 1 : ranks.localSize()));
        return (long) SharedWork.least(ranks, own);
    }

    /** Adds to a run's first line what it runs on and with. */
    void describe(ObjectNode line) {
        DeviceInfo info = engine.info();
        line.put("device", info.name()).put("threads", info.threads()).put("version", Program.VERSION).put("dtype", config.text("dtype"));
        Path name = config.path("out").toAbsolutePath().normalize().getFileName();
        line.put("model", config.path("model.path").toString()).put("name", name == null ? "" : name.toString());
    }

    /** Bytes in use now: the device's own memory, by any process, or on a processor what this process has resident. */
    long memoryInUse() {
        if (!isCuda()) {
            return ResidentMemory.bytes();
        }
        DeviceInfo info = engine.info();
        return info.memoryTotal() - info.memoryFree();
    }

    private boolean isCuda() {
        return Engine.resolve(DeviceSpec.parse(config.text("device"))).isCuda();
    }

    private Model newPolicyModel(Head head, ModelOptions options) {
        return engine.createModel(ModelLoader.shape(source.config().withHead(head), data.longestSequence(recipe, config)), options);
    }

    private void loadPolicy() {
        Head head = recipe.head();
        model = newPolicyModel(head, BaseWeights.policy(config, source.config(), isSharded()));
        if (adapter == null) {
            policy = model;
            trainer = policy.trainer(RunMemory.trainerOptions(config, maxTokens, shard));
            ModelLoader.load(model, trainer, source, head, config.integer("seed"));
        } else {
            ModelLoader.loadStored(model, source);
            policy = adapter.open(model, source, config.integer("seed"));
            trainer = policy.trainer(RunMemory.trainerOptions(config, maxTokens, shard));
        }
    }

    /**
     * Has the first row's pair scored before weights are loaded, so that a source that does not work ends the run at once. Where the
     * data has no answers, the first candidates will tell.
     */
    private void tryOut(Totals totals) {
        Row row = data.rows().get(0).row();
        if (!row.isPair()) {
            return;
        }
        listener.begin("trying the source of rewards", 1);
        reward.score(List.of(row.prompt()), List.of(List.of(row.chosen(), row.rejected())), new RankingWatch(listener, stop));
        listener.end();
        totals.rewardLookups = reward.costs().lookups();
    }

    /** Loads the reference, where the loss has one; before a checkpoint's weights, as it may be the policy at its start. */
    void loadReference(References.State state) {
        if (recipe.needsReference(config)) {
            references = new References(ranks.agree(this::reference), recipe.referenceUpdate(config), data, state, scoring());
        }
    }

    private Network reference() {
        Path path = config.path("reference.path");
        if (adapter != null && adapter.sharesReference(config)) {
            return adapterReference();
        }
        listener.note("reference: " + (path == null ? source.path() + " as it is when the run begins" : path));
        if (path == null) {
            Model copy = engine.createModel(model.shape(), BaseWeights.reference(config, source.config(), source.path(), isSharded()));
            copy.copyFrom(model);
            return copy;
        }
        listener.begin("loading the reference", 0);
        try (ModelFolder other = ModelFolder.open(path)) {
            ModelShape shape = ModelLoader.shape(other.config(), data.longestSequence(recipe, config));
            return ModelLoader.load(engine.createModel(shape, BaseWeights.reference(config, other.config(), path, isSharded())), other, Head.LM, 0);
        } finally {
            listener.end();
        }
    }

    /**
     * The model without its adapter, of which there are no second weights, unless the reference is an adapter of its own: the copy of one
     * that is gone on with, as it was, or one that follows the policy.
     */
    private Network adapterReference() {
        boolean begins = adapter.start() != null && config.path("reference.path") == null;
        listener.note("reference: " + source.path() + (begins ? " with the adapter as it begins, " + adapter.start() : " without the adapter"));
        if (!adapter.copiesReference(config, recipe)) {
            return model;
        }
        Adapter copy = model.createAdapter(adapter.shape());
        if (begins) {
            copy.copyFrom(policy);
        }
        return copy;
    }

    /** Writes the result. */
    void saveResult(RunOutput output) {
        listener.begin("writing the model", 0);
        if (adapter == null && isSharded()) {
            saveTogether(output.folder());
        } else {
            ranks.lead(() -> save(output.folder()));
        }
        listener.end();
    }

    /** What the leader reads of weights that are shared out the others read with it. */
    private void saveTogether(RunFolder folder) {
        if (ranks.leader()) {
            save(folder);
        } else {
            ModelLoader.readAlong(model, source);
        }
        ranks.barrier();
    }

    private void save(RunFolder folder) {
        if (adapter == null) {
            ModelLoader.save(folder.model(), model, source);
        } else {
            AdapterFolder.save(folder.adapter(), (Adapter) policy, adapter.config(), source.config(), data.format().folder());
            if (adapter.servingNote() != null) {
                listener.note(adapter.servingNote());
            }
        }
        if (adapter != null && config.flag("adapter.merge")) {
            saveMerged(folder);
        }
    }

    private void saveMerged(RunFolder folder) {
        if (model.quantization() == Quantization.NONE) {
            // In place: nothing runs on the weights any more.
            model.mergeFrom((Adapter) policy);
            ModelLoader.save(folder.model(), model, source, data.format().folder());
            return;
        }
        Model whole = merged != null ? merged : keep(newPolicyModel(recipe.head(), new ModelOptions(dtype())));
        whole.mergeFrom((Adapter) policy);
        ModelLoader.save(folder.model(), whole, source, data.format().folder());
    }

    References.BatchScorer scoring() {
        return new PhasedScoring(listener, stop, maxTokens, config.flag("data.share_prompts"), ranks);
    }

    TrainedTokens trainedTokens() {
        return new TrainedTokens(data.format(), config.text("data.loss").equals("generation"));
    }

    RunConfig config() {
        return config;
    }

    Recipe recipe() {
        return recipe;
    }

    RunData data() {
        return data;
    }

    RunListener listener() {
        return listener;
    }

    StopSignal stop() {
        return stop;
    }

    private boolean isSharded() {
        return shard == TrainerOptions.Shard.WEIGHTS;
    }

    TrainerOptions.Shard shard() {
        return shard;
    }

    /** Whether ranks wait for each other in each forward and backward of a step; an adapter's gradients are whole on each. */
    boolean waitsInTurns() {
        return isSharded() || shard == TrainerOptions.Shard.GRADIENTS && adapter == null;
    }

    Ranks ranks() {
        return ranks;
    }

    /** Null where the rows' own pairs are all there are. */
    Rollout rollout() {
        return rollout;
    }

    Objective objective() {
        return objective;
    }

    /** The user's objective, or null. */
    OwnObjective own() {
        return own;
    }

    MetaLearning meta() {
        return meta;
    }

    /** Tokens of the largest forward and backward. */
    long maxTokens() {
        return maxTokens;
    }

    Network policy() {
        return policy;
    }

    /** The policy as it is now, to sample from. */
    Network sampler() {
        if (merged == null) {
            return policy;
        }
        merged.mergeFrom((Adapter) policy);
        return merged;
    }

    /** Whether answers are sampled from a merged copy. */
    boolean merges() {
        return merged != null;
    }

    Trainer trainer() {
        return trainer;
    }

    /** Null where the loss has none. */
    References references() {
        return references;
    }

    /** Null where nothing is ranked. */
    Annotator reward() {
        return reward;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : open) {
            try {
                resource.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
