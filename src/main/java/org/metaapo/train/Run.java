package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.metaapo.checkpoint.CheckpointStore;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.AdamW;
import org.metaapo.engine.Network;
import org.metaapo.engine.Objective;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.NumericException;
import org.metaapo.error.RankFailedException;
import org.metaapo.error.RunFailedException;
import org.metaapo.metrics.MetricsWriter;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Ranks;
import org.metaapo.tracking.Tracking;

/**
 * The one loop of all recipes: for each epoch and slice, prepare the rows, then step through batches; metrics, meta updates
 * and checkpoints on the way. Recipes differ in {@link Recipe}'s few answers.
 */
final class Run implements AutoCloseable {
    private final RunConfig config;
    private final RunParts parts;
    private final Ranks ranks;
    private final RunOutput output;
    private final RunLines lines;
    private final StopSignal stop;
    private final EpochPlan plan;
    private final CheckpointStore checkpoints;
    private final SliceRows preparing;
    private final TimeLeft left;

    private Totals totals;
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
            RunConfig config, Recipe recipe, RunData data, ModelFolder source, Totals spent, RunListener listener, StopSignal stop,
            Ranks ranks, Tracking tracking) {
        this.totals = spent;
        this.config = config;
        this.lines = new RunLines(listener, () -> new SliceRows.Place(epoch, slice, step), tracking);
        this.stop = stop;
        this.ranks = ranks;
        RunFolder folder = new RunFolder(config.path("out"));
        this.output = new RunOutput(folder, ranks);
        this.plan = EpochPlan.of(config, recipe, data);
        this.checkpoints = new CheckpointStore(folder.checkpoints(), config.count("checkpoint.keep"), ranks);
        this.parts = new RunParts(config, recipe, data, source, lines, stop, ranks);
        this.preparing = new SliceRows(parts, output, plan, lines::emit);
        this.left = new TimeLeft(plan, config.integer("train.epochs"));
    }

    /** Runs to the end and returns the costs. */
    Totals run() {
        output.deletePartials();
        RunState state = checkpoints.newest(RunState.class, lines::note);
        parts.load(output.folder(), totals, state == null ? null : state.merging(), state == null ? null : state.shard());
        resume(state);
        long allSteps = plan.steps() * config.integer("train.epochs");
        Schedule schedule = new Schedule(
                config.text("optimizer.schedule"), config.real("optimizer.learning_rate"),
                Math.round(config.real("optimizer.warmup") * allSteps), allSteps, config.real("optimizer.min_ratio"));
        for (; epoch < config.integer("train.epochs"); epoch++, slice = 0) {
            int[] order = parts.data().order(epoch);
            for (; slice < plan.slices(); slice++, batches = 0) {
                if (rows == null) {
                    int from = plan.from(slice);
                    prepareOrSave(Arrays.copyOfRange(order, from, from + plan.rowsOf(slice)));
                }
                train(schedule, allSteps);
                evaluateOrSave();
                rows = null;
            }
        }
        finish();
        return totals;
    }

    /** Goes on from a checkpoint's state, or begins where it is null. */
    private void resume(RunState state) {
        parts.loadReference(state == null ? null : state.references());
        RunFolder folder = output.folder();
        output.write(folder.config(), config.toYaml());
        if (state == null) {
            lines.open(output, 0, config, -1);
            parts.meta().open(output, 0);
            writeStart();
            return;
        }
        checkpoints.restore(state.step(), parts.policy(), parts.trainer(), keptModel());
        parts.trainer().setStep(state.step());
        step = state.step();
        epoch = state.epoch();
        slice = state.slice();
        batches = state.batches();
        totals = state.totals();
        if (parts.meta().learner() != null) {
            parts.meta().learner().restore(state.meta());
        }
        rows = state.rows() == null ? null : state.rows().stream().map(this::restored).toList();
        asked = state.asked() == null ? asked : BitSet.valueOf(state.asked());
        lines.open(output, state.metricsBytes(), config, state.step());
        parts.meta().open(output, state.bufferBytes());
        lines.note("continuing at step " + step);
    }

    private Network keptModel() {
        return parts.references() == null ? null : parts.references().kept();
    }

    private TrainRow restored(RunState.SliceRow row) {
        return new TrainRow(parts.data().rows().get(row.index()), row.own(), row.reference(), row.made(), row.mismatched());
    }

    private void writeStart() {
        ObjectNode line = MetricsWriter.line().put("kind", "start").put("recipe", config.text("recipe"));
        line.put("rows", parts.data().rows().size()).put("policy", config.path("model.path").toString());
        parts.describe(line.put("steps", plan.steps() * config.integer("train.epochs")));
        parts.meta().writeStart(line);
        lines.emit(line);
    }

    /** Prepares a slice. What is prepared at the policy's cost is saved at once; a stop or a failure on the way saves the slice's start. */
    private void prepareOrSave(int[] indices) {
        Totals before = totals.copy();
        long start = System.nanoTime();
        try {
            rows = preparing.prepare(indices, new SliceRows.Place(epoch, slice, step), totals);
            left.prepared((System.nanoTime() - start) * 1e-9);
        } catch (MetaapoException e) {
            // After a failure, such as a service that is down, what was trained before is not lost; where there is nothing of
            // the kind, the mistake may be in the configuration, which a checkpoint would fix.
            totals = before;
            saveIf(e, e instanceof InterruptedRunException || step > 0 && (e instanceof RunFailedException || e instanceof DataException));
            throw e;
        }
        if (parts.reward() != null) {
            save();
        }
    }

    /** After a failure that all ranks know of, where it is one to go on from on the rank that failed. */
    private void saveIf(MetaapoException failure, boolean isToGoOnFrom) {
        if (ranks.isAgreed(failure) && ranks.any(isToGoOnFrom)) {
            save();
        }
    }

    private Objective objectiveOf(List<TrainRow> batch) {
        Objective objective = parts.objective();
        if (objective.kind() != Objective.Kind.KTO || batch.size() < 2) {
            return objective;
        }
        List<double[]> sums = new PairScorer(parts.policy(), parts.maxTokens(), config.flag("data.share_prompts"), ranks)
                .scorePacks(MismatchedAnswers.of(batch, parts.data().room(config)), done -> { });
        return objective.withKl(MismatchedAnswers.divergence(sums, batch.stream().map(TrainRow::mismatched).toList()));
    }

    private void train(Schedule schedule, long allSteps) {
        Batches all = preparing.batches(slice, rows.size());
        lines.begin("training", allSteps);
        lines.progress(step, "");
        boolean isDue = false;
        while (true) {
            boolean isStopping = ranks.any(stop.isRequested());
            if (isStopping || isDue) {
                save();
            }
            if (isStopping) {
                lines.end();
                ranks.lead(() -> {
                    throw new InterruptedRunException("stopped after step " + step + "; the same command goes on from here");
                });
            }
            if (isDue) {
                lines.phase(Phase.TRAINING);
            }
            if (batches == all.count()) {
                break;
            }
            List<TrainRow> part = all.of(rows, batches);
            batches++;
            isDue = false;
            if (!part.isEmpty()) {
                oneStep(part, schedule, all);
                isDue = step % config.integer("checkpoint.every") == 0;
            }
        }
        lines.end();
    }

    /**
     * What a step came to.
     *
     * @param norm of its gradient
     */
    private record Taken(Step work, double rate, double norm) {}

    /** Forwards, backwards and updates; nothing is written, and nobody asked. */
    private Taken take(List<TrainRow> part, Schedule schedule) {
        MetaLearning meta = parts.meta();
        Step work = new Step(
                ranks, parts.trainer(), objectiveOf(part), parts.own(), new PairMeans(parts.objective(), parts.recipe() == Recipe.REWARD_MODEL),
                parts.references() == null, config.flag("data.share_prompts"), parts.maxTokens(), parts.waitsInTurns());
        if (parts.recipe().isPairwise()) {
            work.preference(part, micro -> meta.weighting(micro.stream().map(TrainRow::row).toList(), epoch), meta.learner());
        } else {
            work.likelihood(part, parts.trainedTokens());
        }
        double rate = schedule.rate(step);
        List<Double> betas = config.reals("optimizer.betas");
        double norm = step(new AdamW(
                rate, betas.get(0), betas.get(1), config.real("optimizer.eps"), config.real("optimizer.weight_decay"),
                config.real("optimizer.clip"), step + 1));
        return new Taken(work, rate, norm);
    }

    private void oneStep(List<TrainRow> part, Schedule schedule, Batches all) {
        long start = System.nanoTime();
        Recipe recipe = parts.recipe();
        Taken taken = ranks.within(config.real("ranks.timeout"), () -> take(part, schedule));
        Step work = taken.work();
        work.asked().forEach(row -> asked.set(parts.data().index(row.row())));
        totals.labelsAsked = asked.cardinality();
        step++;
        double seconds = (System.nanoTime() - start) * 1e-9;
        left.stepped(seconds);
        totals.secondsTraining += seconds;
        totals.tokensTrained += work.tokens();
        ObjectNode line = MetricsWriter.line().put("step", step).put("epoch", plan.position(epoch, slice, batches, all.count()));
        work.write(line, part.size(), recipe.isPairwise(), recipe == Recipe.METAAPO);
        line.put("grad_norm", taken.norm()).put("learning_rate", taken.rate()).put("tokens", work.tokens()).put("seconds", seconds);
        line.put("tokens_seen", totals.tokensTrained).put("tokens_per_second", work.tokens() / seconds).put("memory", parts.memoryInUse());
        line.put("seconds_left", left.seconds(epoch, slice, all.count() - batches, totals));
        lines.emit(line);
        lines.progress(step, String.format(Locale.ROOT, "loss %.4f", work.loss(part.size())));
        ObjectNode update = ranks.agree(() -> parts.meta().updateAfter(step));
        if (update != null) {
            lines.emit(update);
        }
    }

    /** A gradient that is not finite is so on every rank, and told by one. */
    private double step(AdamW adamw) {
        try {
            return parts.trainer().step(adamw);
        } catch (NumericException e) {
            return ranks.agree(() -> {
                throw e;
            });
        }
    }

    private void save() {
        lines.phase(Phase.SAVING);
        List<RunState.SliceRow> sliceRows = rows == null ? null : rows.stream().map(this::saved).toList();
        MetaLearning meta = parts.meta();
        References references = parts.references();
        RunState state = new RunState(
                step, epoch, slice, batches, lines.sync(), meta.sync(), totals,
                meta.learner() == null ? null : meta.learner().state(), parts.recipe() == Recipe.ADPO ? asked.toLongArray() : null,
                references == null ? null : references.state(), sliceRows, parts.merges(), parts.shard());
        checkpoints.save(step, parts.policy(), parts.trainer(), keptModel(), state);
        lines.checkpoint();
    }

    private RunState.SliceRow saved(TrainRow row) {
        return new RunState.SliceRow(parts.data().index(row.row()), row.own(), row.reference(), row.made(), row.mismatched());
    }

    /** Evaluates after a slice; a stop on the way saves the slice's end. */
    private void evaluateOrSave() {
        if (parts.data().evaluation().isEmpty()) {
            return;
        }
        Batches all = preparing.batches(slice, rows.size());
        ObjectNode line = MetricsWriter.line().put("kind", "eval").put("step", step);
        line.put("epoch", plan.position(epoch, slice, all.count(), all.count()));
        long start = System.nanoTime();
        try {
            new Evaluation(parts).write(line);
            left.evaluated((System.nanoTime() - start) * 1e-9);
        } catch (MetaapoException e) {
            saveIf(e, e instanceof InterruptedRunException);
            throw e;
        }
        lines.emit(line);
    }

    private void finish() {
        if (step == 0) {
            // Other keys may be given here now; scores that were paid for are kept.
            deleteCheckpoints();
            ranks.lead(() -> {
                throw new RunFailedException(output.folder().path() + ": nothing was trained: no row is left to take a step on, "
                        + preparing.whyNoPair() + "; no result is written");
            });
        }
        parts.meta().writeResult(output);
        parts.saveResult(output);
        ObjectNode line = MetricsWriter.line().put("kind", "end").put("step", step);
        totals.write(line);
        if (totals.rewardLookups > 0) {
            parts.reward().costs().write(line, totals.rewardLookups);
        }
        lines.emit(line);
        lines.sync();
        parts.meta().sync();
        deleteCheckpoints();
    }

    /** A finished run needs its checkpoints and prepared rows no more; its end line says that it is finished. */
    private void deleteCheckpoints() {
        try {
            for (Path done : List.of(output.folder().checkpoints(), output.folder().cache())) {
                output.delete(done);
            }
        } catch (RunFailedException | RankFailedException e) {
            lines.note("the checkpoints could not be deleted: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        lines.close();
        parts.close();
    }
}
