package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.metaapo.checkpoint.CheckpointStore;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.engine.AdamW;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.metrics.MetricsWriter;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;

/**
 * The one loop of all recipes: for each epoch and slice, prepare the rows, then step through batches; metrics, meta updates
 * and checkpoints on the way. Recipes differ in {@link Recipe}'s few answers.
 */
final class Run implements AutoCloseable {
    private final RunConfig config;
    private final Recipe recipe;
    private final RunFolder folder;
    private final RunListener listener;
    private final StopSignal stop;
    private final RunData data;
    private final Engine engine;
    private final ModelFolder source;
    private final Rollout rollout;
    private final Objective objective;
    private final OwnObjective own;
    private final MetaLearning meta;
    private final CheckpointStore checkpoints;
    private final long maxTokens;
    private final List<AutoCloseable> open = new ArrayList<>();

    private final String fingerprint;
    private Model policy;
    private Trainer trainer;
    private References references;
    private Annotator reward;
    private Totals totals;
    private MetricsWriter metrics;
    /** Rows whose label was asked for, in recipe adpo. */
    private BitSet asked = new BitSet();
    private long step;
    private long epoch;
    private int slice;
    private int batches;
    /** Of the slice; null before it is prepared. */
    private List<TrainRow> rows;

    /** {@code spent} is what the run's totals start from. */
    Run(
            RunConfig config, Recipe recipe, RunData data, ModelFolder source, String fingerprint, Totals spent, RunListener listener,
            StopSignal stop) {
        this.totals = spent;
        this.config = config;
        this.recipe = recipe;
        this.data = data;
        this.source = source;
        this.fingerprint = fingerprint;
        this.listener = listener;
        this.stop = stop;
        this.folder = new RunFolder(config.path("out"));
        this.rollout = recipe.rollout(config);
        this.objective = recipe.objective(config);
        this.meta = keep(new MetaLearning(config, recipe));
        this.checkpoints = new CheckpointStore(folder.checkpoints(), config.count("checkpoint.keep"));
        this.maxTokens = data.maxTokens(recipe, config);
        this.engine = keep(Engine.open(
                org.metaapo.engine.DeviceSpec.parse(config.text("device")), config.count("threads")));
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

    /** Runs to the end and returns the costs. */
    Totals run() {
        RunMemory.of(config, recipe, source.config(), data).check(engine.info().memoryFree());
        load();
        resume();
        int sliceRows = mostSliceRows();
        int slices = (data.epochRows() + sliceRows - 1) / sliceRows;
        long stepsPerEpoch = IntStream.range(0, slices)
                .mapToLong(i -> new Batches(sliceRows(i), sliceRows(i), config.count("train.batch")).count()).sum();
        long allSteps = stepsPerEpoch * config.integer("train.epochs");
        Schedule schedule = new Schedule(
                config.text("optimizer.schedule"), config.real("optimizer.learning_rate"),
                Math.round(config.real("optimizer.warmup") * allSteps), allSteps, config.real("optimizer.min_ratio"));
        for (; epoch < config.integer("train.epochs"); epoch++, slice = 0) {
            int[] order = data.order(epoch);
            for (; slice < slices; slice++, batches = 0) {
                if (rows == null) {
                    int from = slice * sliceRows;
                    prepareOrSave(Arrays.copyOfRange(order, from, Math.min(order.length, from + sliceRows)), slices);
                }
                train(schedule, allSteps, stepsPerEpoch);
                evaluate();
                rows = null;
            }
        }
        finish();
        return totals;
    }

    private void load() {
        RewardSource rewards = recipe.rewards(config);
        if (rewards != null && !rewards.isLocal()) {
            reward = keep(rewards.open(engine, dtype(), maxTokens, folder.rewards()));
            tryOut(reward);
        }
        listener.begin("loading the model", 0);
        policy = ModelLoader.load(engine, source, dtype(), recipe.head(), config.integer("seed"));
        trainer = policy.trainer(RunMemory.trainerOptions(config, maxTokens));
        if (rewards != null && rewards.isLocal()) {
            reward = keep(rewards.open(engine, dtype(), maxTokens, null));
        }
        listener.end();
    }

    /** Has the first row's pair scored before weights are loaded, so that a source that does not work ends the run at once. */
    private void tryOut(Annotator source) {
        Row row = data.rows().get(0).row();
        listener.begin("trying the source of rewards", 1);
        source.score(List.of(row.prompt()), List.of(List.of(row.chosen(), row.rejected())), new RankingWatch(listener, stop));
        listener.end();
        totals.rewardLookups = source.costs().lookups();
    }

    private Model loadReference() {
        if (config.path("reference.path") == null) {
            Model copy = newReference(policy.shape());
            copy.copyFrom(policy);
            return copy;
        }
        listener.begin("loading the reference", 0);
        try (ModelFolder other = ModelFolder.open(config.path("reference.path"))) {
            return ModelLoader.load(newReference(ModelLoader.shape(other.config().withHead(Head.LM))), other, Head.LM, 0);
        } finally {
            listener.end();
        }
    }

    private Model newReference(ModelShape shape) {
        return config.flag("reference.offload") ? engine.createOffloadedModel(shape, dtype()) : engine.createModel(shape, dtype());
    }

    private void resume() {
        AtomicFiles.deletePartials(folder.path());
        RunState state = checkpoints.newest(RunState.class, listener::note);
        if (state != null && !state.fingerprint().equals(fingerprint)) {
            throw new UsageException(folder.path() + ": holds a run with another configuration, other data or other models; give "
                    + "another out, or delete the folder");
        }
        if (recipe.needsReference(config)) {
            // Before the checkpoint's weights: the reference is the policy at its start.
            references = new References(
                    loadReference(), config.text("reference.update").equals("slice"), data,
                    state == null ? null : state.references(), scoring());
        }
        folder.write(folder.config(), config.toYaml());
        if (state == null) {
            metrics = keep(MetricsWriter.open(folder.metrics(), 0));
            meta.open(folder, 0);
            writeStart();
            return;
        }
        checkpoints.restore(state.step(), policy, trainer);
        step = state.step();
        epoch = state.epoch();
        slice = state.slice();
        batches = state.batches();
        totals = state.totals();
        if (meta.learner() != null) {
            meta.learner().restore(state.meta());
        }
        rows = state.rows() == null ? null : state.rows().stream().map(this::restored).toList();
        asked = state.asked() == null ? asked : BitSet.valueOf(state.asked());
        metrics = keep(MetricsWriter.open(folder.metrics(), state.metricsBytes()));
        meta.open(folder, state.bufferBytes());
        listener.note("continuing at step " + step);
    }

    private TrainRow restored(RunState.SliceRow row) {
        return new TrainRow(data.rows().get(row.index()), row.own(), row.reference(), row.made(), row.mismatched());
    }

    private void writeStart() {
        ObjectNode line = MetricsWriter.line().put("kind", "start").put("recipe", config.text("recipe"));
        line.put("rows", data.rows().size()).put("policy", config.path("model.path").toString());
        meta.writeStart(line);
        emit(line);
    }

    private void emit(ObjectNode line) {
        metrics.write(line);
        listener.metrics(line);
    }

    /** Prepares a slice. What is prepared at the policy's cost is saved at once; a stop or a failure on the way saves the slice's start. */
    private void prepareOrSave(int[] indices, int slices) {
        Totals before = totals.copy();
        try {
            prepare(indices, slices);
        } catch (InterruptedRunException | RunFailedException | DataException e) {
            // Such as a service that is down: what was trained before is not lost.
            totals = before;
            rows = null;
            if (step > 0) {
                save();
            }
            throw e;
        }
        if (reward != null) {
            save();
        }
    }

    private void prepare(int[] indices, int slices) {
        List<EncodedRow> slicedRows = Arrays.stream(indices).mapToObj(data.rows()::get).toList();
        if (!recipe.isPreference()) {
            rows = slicedRows.stream().map(row -> TrainRow.own(row, null)).toList();
            return;
        }
        long start = System.nanoTime();
        List<double[]> sums = null;
        if (references != null && (rollout == null || rollout.scoresOwnPair())) {
            sums = references.slice(indices, slicedRows, policy);
        } else if (references != null) {
            references.follow(policy);
        }
        SlicePreparation.Agreement agreement = rollout != null && rollout.scoresOwnPair() ? agreement(slicedRows, sums) : null;
        totals.secondsScoring += (System.nanoTime() - start) * 1e-9;
        rows = rollout == null ? ownRows(slicedRows, sums) : madeRows(slicedRows, agreement, sums, slices);
        if (objective.kind() == Objective.Kind.KTO) {
            rows = withMismatched(rows);
        }
    }

    private SlicePreparation.Agreement agreement(List<EncodedRow> slicedRows, List<double[]> sums) {
        List<PairScorer.Pair> pairs = PairScorer.pairs(slicedRows);
        PairResults results = PairScorer.evaluate(
                pairs, scoring().score(policy, pairs, "scoring"), sums, objective, own, meta.weighting(slicedRows, epoch));
        return new SlicePreparation.Agreement(results.scoreOffline(), results.weight());
    }

    private static List<TrainRow> ownRows(List<EncodedRow> slicedRows, List<double[]> sums) {
        return IntStream.range(0, slicedRows.size())
                .mapToObj(i -> TrainRow.own(slicedRows.get(i), sums == null ? null : sums.get(i)))
                .toList();
    }

    private List<TrainRow> madeRows(
            List<EncodedRow> slicedRows, SlicePreparation.Agreement agreement, List<double[]> sums, int slices) {
        StringBuilder samples = new StringBuilder();
        long before = totals.promptsSampled;
        List<TrainRow> made = new SlicePreparation(config, rollout, policy, references, reward, data, listener, stop, totals)
                .prepare(slicedRows, agreement, sums, references != null, epoch * slices + slice, samples);
        AtomicFiles.write(folder.samples(epoch, slice), samples.toString());
        ObjectNode line = MetricsWriter.line().put("kind", "slice").put("epoch", epoch).put("slice", slice).put("step", step);
        line.put("rows", slicedRows.size()).put("sampled", totals.promptsSampled - before).put("trained", made.size());
        emit(line);
        if (made.isEmpty()) {
            listener.note("slice " + slice + " has no pair left: " + (rollout.keepsOwnPair()
                    ? "nothing was sampled and rollout.unsampled is drop"
                    : "the best and the worst answer to every prompt are equal or have equal rewards"));
        }
        return made;
    }

    /** With the reference's sums of the answers by which KTO's divergence is estimated, batch by batch. */
    private List<TrainRow> withMismatched(List<TrainRow> prepared) {
        Batches all = batchesOf(prepared);
        List<PairScorer.Pack> packs = new ArrayList<>();
        for (int batch = 0; batch < all.count(); batch++) {
            packs.addAll(MismatchedAnswers.of(all.of(prepared, batch), data.room(config)));
        }
        if (packs.isEmpty()) {
            return prepared;
        }
        Iterator<double[]> sums = references.of(packs, "reference log-probs of mismatched answers").iterator();
        List<TrainRow> result = new ArrayList<>();
        for (int batch = 0; batch < all.count(); batch++) {
            List<TrainRow> part = all.of(prepared, batch);
            // A row alone in its batch has no other's answer.
            part.forEach(row -> result.add(part.size() > 1 ? row.withMismatched(sums.next()) : row));
        }
        return result;
    }

    private Batches batchesOf(List<TrainRow> left) {
        // Rows without an online pair that are left out are no part of the slice, as in the authors' script.
        boolean chosen = rollout != null && rollout.keepsOwnPair() && config.text("rollout.unsampled").equals("drop");
        return new Batches(chosen ? left.size() : sliceRows(slice), left.size(), config.count("train.batch"));
    }

    private int mostSliceRows() {
        return rollout == null ? data.epochRows() : config.count("rollout.slice");
    }

    private int sliceRows(int index) {
        return Math.min(mostSliceRows(), data.epochRows() - index * mostSliceRows());
    }

    private Objective objectiveOf(List<TrainRow> batch) {
        if (objective.kind() != Objective.Kind.KTO || batch.size() < 2) {
            return objective;
        }
        List<double[]> sums = new PairScorer(policy, maxTokens, config.flag("data.share_prompts"))
                .scorePacks(MismatchedAnswers.of(batch, data.room(config)), done -> { });
        return objective.withKl(MismatchedAnswers.divergence(sums, batch.stream().map(TrainRow::mismatched).toList()));
    }

    private References.BatchScorer scoring() {
        return new PhasedScoring(listener, stop, maxTokens, config.flag("data.share_prompts"));
    }

    private void train(Schedule schedule, long allSteps, long stepsPerEpoch) {
        Batches all = batchesOf(rows);
        listener.begin("training", allSteps);
        listener.progress(step, "");
        while (batches < all.count()) {
            List<TrainRow> part = all.of(rows, batches);
            batches++;
            if (part.isEmpty()) {
                continue;
            }
            oneStep(part, schedule, stepsPerEpoch, allSteps);
            if (stop.isRequested()) {
                save();
                listener.end();
                throw new InterruptedRunException("stopped after step " + step + "; the same command goes on from here");
            }
            if (step % config.integer("checkpoint.every") == 0) {
                save();
            }
        }
        listener.end();
    }

    private void oneStep(List<TrainRow> part, Schedule schedule, long stepsPerEpoch, long allSteps) {
        long start = System.nanoTime();
        Step work = new Step(
                trainer, objectiveOf(part), own, references == null, config.flag("data.share_prompts"), maxTokens);
        if (recipe.isPairwise()) {
            work.preference(part, micro -> meta.weighting(micro.stream().map(TrainRow::row).toList(), epoch), meta.learner());
            work.asked().forEach(row -> asked.set(data.index(row.row())));
            totals.labelsAsked = asked.cardinality();
        } else {
            work.likelihood(part, trainedTokens());
        }
        double rate = schedule.rate(step);
        List<Double> betas = config.reals("optimizer.betas");
        double norm = trainer.step(new AdamW(
                rate, betas.get(0), betas.get(1), config.real("optimizer.eps"), config.real("optimizer.weight_decay"),
                config.real("optimizer.clip"), step + 1));
        step++;
        double seconds = (System.nanoTime() - start) * 1e-9;
        totals.secondsTraining += seconds;
        totals.tokensTrained += work.tokens();
        ObjectNode line = MetricsWriter.line().put("step", step).put("epoch", (double) step / stepsPerEpoch);
        work.write(line, part.size(), recipe.isPairwise(), recipe == Recipe.METAAPO);
        line.put("grad_norm", norm).put("learning_rate", rate).put("tokens", work.tokens()).put("seconds", seconds);
        emit(line);
        listener.progress(step, String.format(java.util.Locale.ROOT, "loss %.4f", work.loss(part.size())));
        ObjectNode update = meta.updateAfter(step);
        if (update != null) {
            emit(update);
        }
    }

    private void save() {
        List<RunState.SliceRow> sliceRows = rows == null ? null : rows.stream().map(this::saved).toList();
        RunState state = new RunState(
                fingerprint, step, epoch, slice, batches, metrics.sync(), meta.sync(), totals,
                meta.learner() == null ? null : meta.learner().state(), recipe == Recipe.ADPO ? asked.toLongArray() : null, references == null ? null : references.state(), sliceRows);
        checkpoints.save(step, policy, trainer, state);
    }

    private RunState.SliceRow saved(TrainRow row) {
        return new RunState.SliceRow(data.index(row.row()), row.own(), row.reference(), row.made(), row.mismatched());
    }

    private TrainedTokens trainedTokens() {
        return new TrainedTokens(data.format(), config.text("data.loss").equals("generation"));
    }

    private void evaluate() {
        if (data.evaluation().isEmpty()) {
            return;
        }
        ObjectNode line = MetricsWriter.line().put("kind", "eval").put("step", step).put("epoch", epoch);
        List<double[]> sums = references == null ? null : references.evaluation();
        listener.begin("evaluating", 0);
        new Evaluation(policy, sums, objective.ofGivenPairs(), own, recipe, maxTokens, config.flag("data.share_prompts"), trainedTokens())
                .write(data.evaluation(), line);
        listener.end();
        emit(line);
    }

    private void finish() {
        meta.writeResult(folder);
        listener.begin("writing the model", 0);
        ModelLoader.save(folder.model(), policy, source);
        listener.end();
        ObjectNode line = MetricsWriter.line().put("kind", "end").put("step", step);
        totals.write(line);
        if (totals.rewardLookups > 0) {
            reward.costs().write(line, totals.rewardLookups);
        }
        emit(line);
        metrics.sync();
        meta.sync();
        deleteCheckpoints();
    }

    /** A finished run needs its checkpoints and prepared rows no more; its end line says that it is finished. */
    private void deleteCheckpoints() {
        try {
            for (Path done : List.of(folder.checkpoints(), folder.cache())) {
                AtomicFiles.deleteTree(done);
            }
        } catch (java.io.IOException e) {
            listener.note("the checkpoints could not be deleted: " + e.getMessage());
        }
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
