package org.metaapo.train;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RecipeKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.RunLock;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Ranks;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Tokenizer;
import org.metaapo.tracking.Tracker;
import org.metaapo.tracking.Trackers;
import org.metaapo.tracking.Tracking;

/** Runs a configuration. Config and data are checked before any weight is read. */
public final class Recipes {
    private Recipes() {}

    /**
     * Runs a recipe to its end, from its newest valid checkpoint where there is one. A run that is finished already is left
     * as it is.
     *
     * @throws org.metaapo.error.UsageException if the folder holds another run, finished or not, naming what differs; or files that
     *     are no run's or that the run reads, where it writes
     * @throws org.metaapo.error.RunFailedException if there was nothing to train on: no step was taken, and no result is written
     * @throws org.metaapo.error.InterruptedRunException after a stop, with a checkpoint taken
     */
    public static Totals run(RunConfig config, RunListener listener, StopSignal stop) {
        return run(config, listener, stop, Ranks.single());
    }

    /** As {@link #run(RunConfig, RunListener, StopSignal)}, on ranks that are all given the same configuration. */
    public static Totals run(RunConfig config, RunListener listener, StopSignal stop, Ranks ranks) {
        ranks.agree(() -> {
            RanksCheck.checkInput(config, ranks);
            checkOut(config);
            return null;
        });
        Recipe recipe = Recipe.of(config);
        Path policyPath = config.path("model.path");
        try (AdaptedFolder policy = ranks.agree(() -> AdaptedFolder.open(policyPath, config.path("adapter.path")));
                Tokenizer tokenizer = ranks.agree(() -> Tokenizer.load(policy.tokenizerFolder(), policy.config().vocabSize()))) {
            ModelFolder source = policy.base();
            RunFolder folder = new RunFolder(config.path("out"));
            boolean finished = ranks.agree(() -> {
                checkModels(config, recipe, source);
                Sharding.check(config, recipe, source.config(), ranks.size());
                return folder.end() != null;
            });
            ranks.lead(() -> {
                checkReward(recipe.rewards(config));
                trackers(config).close();
            });
            if (!finished) {
                // A device that cannot be had is told of before the rows are read, which may take a while.
                ranks.agree(() -> Engine.open(DeviceSpec.parse(config.text("device")), config.count("threads"))).close();
            }
            try (RunData data = DataReading.read(config, recipe, source, tokenizer, listener, stop, !finished, ranks)) {
                RunFingerprint fingerprint = RunFingerprint.of(config, data, source, ranks);
                RanksCheck.checkAlike(config, fingerprint, ranks);
                ranks.lead(() -> {
                    if (MetaLearning.learns(config, recipe)) {
                        new MetaFeatures(config).check(data.rows());
                    }
                    fingerprint.check(folder);
                });
                if (finished) {
                    listener.note(folder.path() + " is finished; delete it, or give another out, to run again");
                    return new Totals();
                }
                tellUnread(config, listener);
                ranks.lead(() -> {
                    checkLengths(config, recipe, source, data, listener, stop);
                    MemoryPlan memory = RunMemory.of(config, recipe, source.config(), data).policy();
                    RunDisk.of(config, recipe, source.config(), data, memory).check(folder.path(), RunDisk.free(folder.path()));
                });
                RunOutput output = new RunOutput(folder, ranks);
                try (RunLock lock = output.lock()) {
                    // From here on the folder is known as a run's.
                    fingerprint.write(output);
                    if (!data.skipped().isEmpty()) {
                        output.write(folder.skipped(), String.join("\n", data.skipped()) + "\n");
                    }
                    if (recipe == Recipe.SELECTIVE_DPO) {
                        Selection selection = new Selection(config, data, source, listener, stop, ranks);
                        RunData easiest = selection.select();
                        return tracked(config, recipe, easiest, source, selection.spent(), listener, stop, ranks);
                    }
                    return tracked(config, recipe, data, source, new Totals(), listener, stop, ranks);
                }
            }
        }
    }

    private static void tellUnread(RunConfig config, RunListener listener) {
        if (!config.unread().isEmpty()) {
            listener.note("not read by recipe " + config.text("recipe") + ": " + String.join(", ", config.unread()));
        }
    }

    /** Trains with the trackers of the configuration, which the leader of the ranks has. */
    private static Totals tracked(
            RunConfig config, Recipe recipe, RunData data, ModelFolder source, Totals spent, RunListener listener, StopSignal stop,
            Ranks ranks) {
        try (Trackers trackers = ranks.agree(() -> ranks.leader() ? trackers(config) : Trackers.none())) {
            Tracking tracking = new Tracking(trackers, listener::note);
            try {
                Totals totals = train(config, recipe, data, source, spent, listener, stop, ranks, tracking);
                tracking.end(Tracker.Status.FINISHED);
                return totals;
            } catch (InterruptedRunException e) {
                tracking.end(Tracker.Status.STOPPED);
                throw e;
            } catch (RuntimeException | Error e) {
                tracking.end(Tracker.Status.FAILED);
                throw e;
            }
        }
    }

    private static Trackers trackers(RunConfig config) {
        RunFolder folder = new RunFolder(config.path("out"));
        return Trackers.open(config, new Trackers.Places(folder.tensorboard(), folder.trackers()), System.getenv(), false);
    }

    /** Trains, or goes on training; {@code spent} is what was spent on the way to the first step. */
    static Totals train(
            RunConfig config, Recipe recipe, RunData data, ModelFolder source, Totals spent, RunListener listener, StopSignal stop,
            Ranks ranks, Tracking tracking) {
        try (Run run = new Run(config, recipe, data, source, spent, listener, stop, ranks, tracking)) {
            return run.run();
        }
    }

    /**
     * Throws if the folder of a configuration cannot be the run's: it holds a run, finished or not, that was begun with other keys;
     * it is no folder; or it has files that are no run's or that the run reads, where the run writes. Writes nothing.
     *
     * @throws org.metaapo.error.UsageException naming each key with both values, or what lies there
     */
    public static void checkOut(RunConfig config) {
        RunFingerprint.checkKeys(config, new RunFolder(config.path("out")));
        OutCheck.check(config);
    }

    /**
     * Looks whether what a finished run has read is what its configuration names today: rows, models, sources of rewards.
     *
     * @param known what this has found to be so before, which is not read again; what it finds is added
     * @throws org.metaapo.error.UsageException naming each content that differs
     */
    public static void checkFinished(RunConfig config, Set<String> known, RunListener listener, StopSignal stop) {
        String inputs = RunFingerprint.of(new RunFolder(config.path("out"))).inputs();
        if (!known.contains(inputs)) {
            run(config, listener, stop);
            known.add(inputs);
        }
    }

    /**
     * Looks at what a run reads beside its rows: policy, adapter, tokenizer, reference and source of rewards. No weights are read.
     *
     * @throws org.metaapo.error.UsageException if they are not what the recipe needs
     * @throws org.metaapo.error.DataException if a folder is none or holds something wrong
     */
    public static void checkSources(RunConfig config) {
        Recipe recipe = Recipe.of(config);
        try (AdaptedFolder policy = AdaptedFolder.open(config.path("model.path"), config.path("adapter.path"));
                Tokenizer tokenizer = Tokenizer.load(policy.tokenizerFolder(), policy.config().vocabSize())) {
            checkModels(config, recipe, policy.base());
        }
        checkReward(recipe.rewards(config));
    }

    /** The size of a run on one rank. */
    public static RunSize size(RunConfig config, RunListener listener) {
        return size(config, 1, listener);
    }

    /** The size of a run on one rank or several: reads config, tokenizer and data, and no weights. */
    public static RunSize size(RunConfig config, int ranks, RunListener listener) {
        OutCheck.check(config);
        Recipe recipe = Recipe.of(config);
        Path policyPath = config.path("model.path");
        try (AdaptedFolder policy = AdaptedFolder.open(policyPath, config.path("adapter.path"));
                Tokenizer tokenizer = Tokenizer.load(policy.tokenizerFolder(), policy.config().vocabSize())) {
            ModelFolder source = policy.base();
            checkModels(config, recipe, source);
            RewardSource reward = recipe.rewards(config);
            // What a service needs, such as its secret, need not be there for a plan.
            checkReward(reward != null && reward.isLocal() ? reward : null);
            trackers(config).close();
            try (RunData data = DataReading.read(config, recipe, source, tokenizer, listener, new StopSignal(), false, Ranks.single())) {
                tellUnread(config, listener);
                checkLengths(config, recipe, source, data, listener, new StopSignal());
                boolean share = config.flag("data.share_prompts");
                long tokens = Arrays.stream(data.order(0)).mapToLong(i -> TrainRow.tokens(data.rows().get(i), share)).sum();
                long steps = EpochPlan.of(config, recipe, data).steps() * config.integer("train.epochs");
                RunMemory memory = RunMemory.of(config, recipe, source.config(), data);
                return new RunSize(
                        data.rows().size(), tokens, steps, data.longestPack(recipe, config), Trained.of(config, source.config()),
                        memory, RunDisk.of(config, recipe, source.config(), data, memory.policy()), memory.smaller(config, recipe, source.config(), data),
                        Sharding.stages(config, recipe, source.config(), data, ranks));
            }
        }
    }

    /** Whether policy, adapter, objective and reference are what the recipe needs. */
    private static void checkModels(RunConfig config, Recipe recipe, ModelFolder source) {
        if (recipe.head() == Head.LM) {
            source.requireHead(Head.LM);
        }
        checkOwnObjective(config, recipe);
        BaseWeights.policy(config, source.config());
        PolicyAdapter adapter = PolicyAdapter.of(config, source.config(), source.path(), recipe.head());
        checkReference(config, recipe, source, adapter);
    }

    /** A built-in objective's need of a reference is known to {@link RunConfig} already. */
    private static void checkOwnObjective(RunConfig config, Recipe recipe) {
        if (recipe.isPreference() && config.text("objective.name").equals("java") && !recipe.needsReference(config)) {
            RecipeKeys.checkNoReference(config, "objective.class", config.text("objective.class"));
        }
    }

    private static void checkReference(RunConfig config, Recipe recipe, ModelFolder source, PolicyAdapter adapter) {
        Path path = config.path("reference.path");
        if (path == null) {
            return;
        }
        if (adapter != null && !adapter.sharesReference(config) && recipe.referenceUpdate(config) != References.Update.NEVER) {
            throw new UsageException("reference.update: slice has the reference follow the policy, an adapter over " + source.path()
                    + ", and reference.path is another model, " + path + "; leave one of the two out");
        }
        try (ModelFolder other = ModelFolder.open(path)) {
            other.checkReferenceOf(source);
            if (adapter == null || !adapter.sharesReference(config)) {
                BaseWeights.reference(config, other.config(), path, false);
            }
        }
    }

    /** Looks at what the rows' lengths mean for the models; tells of what is no error. */
    private static void checkLengths(
            RunConfig config, Recipe recipe, ModelFolder source, RunData data, RunListener listener, StopSignal stop) {
        data.tellPositions(listener);
        Rollout rollout = recipe.rollout(config);
        if (rollout != null) {
            Path reference = rollout.referenceAnswers() > 0 ? config.path("reference.path") : null;
            int positions = source.config().maxPositions();
            RewardSource rewards = recipe.rewards(config);
            if (rewards.isLocal()) {
                RewardRoom.tell(config, rollout, rewards, data, listener, stop);
            }
            data.checkSampling(config, reference == null ? positions : Math.min(positions, ModelFolder.readConfig(reference).maxPositions()), listener);
        }
    }

    /** The source of rewards is looked at before weights are loaded. */
    private static void checkReward(RewardSource reward) {
        if (reward != null) {
            reward.check();
        }
    }
}
