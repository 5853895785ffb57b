package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Prompt;
import org.metaapo.data.Row;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Network;
import org.metaapo.engine.Sampling;
import org.metaapo.files.Json;
import org.metaapo.reward.Annotator;
import org.metaapo.rollout.AnswerWriter;
import org.metaapo.rollout.CounterRandom;
import org.metaapo.text.Answer;

/**
 * Makes the pairs of a slice, as a {@link Rollout} says: decides which prompts get candidates, has them written and ranked, and
 * pairs the best with the worst. A row that brings an online pair is not sampled.
 */
final class SlicePreparation {
    /** Keeps the reference's random numbers apart from the policy's. */
    private static final long REFERENCE_SEED = 0x9E3779B97F4A7C15L;

    private final RunConfig config;
    private final Rollout rollout;
    private final References references;
    private final Annotator reward;
    private final RunParts parts;
    private final Totals totals;
    private final SliceMeans means;

    /** The totals grow by what is done, and {@code means} learns of the answers. */
    SlicePreparation(RunParts parts, Totals totals, SliceMeans means) {
        this.means = means;
        this.config = parts.config();
        this.rollout = parts.rollout();
        this.references = parts.references();
        this.reward = parts.reward();
        this.parts = parts;
        this.totals = totals;
    }

    /**
     * What the policy thinks of the rows' own pairs; of no meaning to rollouts that take every prompt.
     *
     * @param score the meta-learner's first input
     * @param weight w
     */
    record Agreement(double[] score, double[] weight) {}

    /**
     * Prepares a slice.
     *
     * @param agreement null where {@link Rollout#scoresOwnPair} is false
     * @param sums log-prob sums of the own pairs under the reference; null where not needed
     * @param samples gets a line a row
     */
    List<TrainRow> prepare(
            List<EncodedRow> rows, Agreement agreement, List<double[]> sums, long iteration, StringBuilder samples) {
        double[] uniform = rows.stream()
                .mapToDouble(row -> CounterRandom.uniform(config.integer("seed"), iteration, row.id())).toArray();
        List<Integer> sampled = IntStream.range(0, rows.size())
                .filter(i -> rows.get(i).onlineTokens() == 0)
                .filter(i -> rollout.decision().samples(agreement == null ? 0 : agreement.weight()[i], uniform[i]))
                .boxed()
                .toList();
        Candidates[] candidates = new Candidates[rows.size()];
        sampled.forEach(i -> candidates[i] = new Candidates());
        totals.promptsSeen += rows.size();
        totals.promptsSampled += sampled.size();
        write(rows, candidates, sampled, iteration);
        double[][] ownRewards = rank(rows, candidates, sampled);
        TrainRow.MadePair[] made = pair(rows, candidates);
        for (int i = 0; i < rows.size(); i++) {
            ObjectNode line = describe(rows.get(i).row());
            if (agreement != null) {
                line.put("score", agreement.score()[i]).put("weight", agreement.weight()[i]).put("uniform", uniform[i]);
            }
            add(line, candidates[i], made[i] != null, ownRewards[i]);
            addGiven(line, rows.get(i));
            samples.append(Json.write(line)).append('\n');
        }
        return trainRows(rows, sums, made);
    }

    private List<TrainRow> trainRows(List<EncodedRow> rows, List<double[]> sums, TrainRow.MadePair[] made) {
        boolean drop = !rollout.keepsOwnPair() || config.text("rollout.unsampled").equals("drop");
        List<TrainRow> prepared = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            if (rows.get(i).onlineTokens() > 0) {
                TrainRow given = TrainRow.given(rows.get(i), sums == null ? null : sums.get(i));
                totals.ties += given.made() == null ? 1 : 0;
                addUnlessDropped(prepared, given, drop);
            } else {
                addUnlessDropped(prepared, new TrainRow(
                        rows.get(i), rollout.keepsOwnPair(), sums == null ? null : sums.get(i), made[i], null), drop);
            }
        }
        return prepared;
    }

    private static void addUnlessDropped(List<TrainRow> prepared, TrainRow row, boolean drop) {
        if (row.made() != null || !drop) {
            prepared.add(row);
        }
    }

    private void write(List<EncodedRow> rows, Candidates[] candidates, List<Integer> sampled, long iteration) {
        long start = System.nanoTime();
        long seed = config.integer("seed");
        write(rows, candidates, sampled, iteration, parts.sampler(), rollout.answers(), rollout.greedy(), seed, "sampling");
        if (rollout.referenceAnswers() > 0) {
            write(rows, candidates, sampled, iteration, references.model(), rollout.referenceAnswers(), false, seed ^ REFERENCE_SEED,
                    "sampling the reference");
        }
        for (int i : sampled) {
            if (rollout.ownAnswers()) {
                Row row = rows.get(i).row();
                candidates[i].add(new Candidates.Candidate(rows.get(i).chosen(), row.chosen(), "data", Double.NaN));
                candidates[i].add(new Candidates.Candidate(rows.get(i).rejected(), row.rejected(), "data", Double.NaN));
            }
        }
        totals.secondsSampling += (System.nanoTime() - start) * 1e-9;
    }

    private void write(
            List<EncodedRow> rows, Candidates[] candidates, List<Integer> sampled, long iteration, Network model, int count,
            boolean greedy, long seed, String phase) {
        Sampling sampling = new Sampling(
                count, parts.data().newTokens(config), greedy, config.count("rollout.top_k"), config.real("rollout.top_p"),
                config.real("rollout.temperature"), seed, parts.data().format().stopIds());
        List<int[]> prompts = sampled.stream().map(i -> rows.get(i).prompt()).toList();
        long[] keys = sampled.stream().mapToLong(i -> (iteration << 32) | rows.get(i).id()).toArray();
        parts.listener().begin(phase, prompts.size());
        List<List<GeneratedAnswer>> answers = new AnswerWriter(model, config.count("rollout.sequences"), parts.ranks())
                .write(prompts, keys, sampling, done -> {
                    parts.listener().progress(done, "");
                    parts.stop().check();
                }, parts.listener()::note);
        parts.listener().end();
        for (int j = 0; j < sampled.size(); j++) {
            for (GeneratedAnswer answer : answers.get(j)) {
                String text = parts.data().format().answerText(prompts.get(j), answer.tokens(), answer.stopped());
                candidates[sampled.get(j)].add(new Candidates.Candidate(
                        answer.tokens(), Answer.of(text), answer.stopped() ? "stop" : "length", answer.logp()));
            }
        }
        if (model == parts.sampler()) {
            answers.forEach(of -> of.forEach(answer -> means.answered(answer.tokens().length, !answer.stopped())));
        }
        totals.answersGenerated += (long) sampled.size() * count;
    }

    /** Has candidates ranked; the rewards of the own pairs, as far as they are wanted for the report. */
    private double[][] rank(List<EncodedRow> rows, Candidates[] candidates, List<Integer> sampled) {
        long start = System.nanoTime();
        List<Prompt> prompts = sampled.stream().map(i -> rows.get(i).row().prompt()).toList();
        List<List<Answer>> answers = new ArrayList<>();
        for (int i : sampled) {
            List<Answer> all = new ArrayList<>(candidates[i].all().stream().map(Candidates.Candidate::answer).toList());
            if (forTheReport(rows.get(i).row())) {
                // It costs no new annotation of the method.
                all.add(rows.get(i).row().chosen());
                all.add(rows.get(i).row().rejected());
            }
            answers.add(all);
        }
        long wanted = reward.costs().lookups();
        parts.listener().begin("ranking", prompts.size());
        RankingWatch watch = new RankingWatch(parts.listener(), parts.stop());
        List<double[]> scores = reward.score(prompts, answers, watch);
        parts.listener().end();
        totals.answersOverlong += watch.tooLong().stream().filter(place -> place[1] < candidates[sampled.get(place[0])].all().size()).count();
        totals.rewardLookups += reward.costs().lookups() - wanted;
        double[][] own = new double[rows.size()][];
        for (int j = 0; j < sampled.size(); j++) {
            int i = sampled.get(j);
            int count = candidates[i].all().size();
            candidates[i].rewards(Arrays.copyOf(scores.get(j), count));
            own[i] = scores.get(j).length > count ? Arrays.copyOfRange(scores.get(j), count, count + 2) : null;
            means.ranked(candidates[i], own[i]);
            totals.answersAnnotated += Arrays.stream(candidates[i].rewards()).filter(score -> !Double.isNaN(score)).count();
        }
        totals.secondsRanking += (System.nanoTime() - start) * 1e-9;
        return own;
    }

    private boolean forTheReport(Row row) {
        return config.flag("reward.offline_pairs") && row.isPair() && !rollout.ownAnswers();
    }

    private TrainRow.MadePair[] pair(List<EncodedRow> rows, Candidates[] candidates) {
        TrainRow.MadePair[] made = new TrainRow.MadePair[rows.size()];
        List<Integer> paired = new ArrayList<>();
        List<PairScorer.Pack> packs = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            if (candidates[i] == null || !candidates[i].isRanked()) {
                continue;
            }
            if (candidates[i].isTie()) {
                totals.ties++;
                continue;
            }
            made[i] = candidates[i].pair(rollout);
            paired.add(i);
            packs.add(new PairScorer.Pack(rows.get(i).prompt(), made[i].answers(), rows.get(i).source()));
        }
        if (references != null && !packs.isEmpty()) {
            List<double[]> sums = references.of(packs, "reference log-probs of new pairs");
            for (int j = 0; j < packs.size(); j++) {
                made[paired.get(j)] = made[paired.get(j)].withReference(sums.get(j));
            }
        }
        return made;
    }

    private static ObjectNode describe(Row row) {
        ObjectNode line = Json.mapper().createObjectNode();
        line.put("row", row.id()).put("source", row.source()).put("prompt", row.prompt().shown());
        if (row.isPair()) {
            line.putPOJO("chosen", row.chosen().plain()).putPOJO("rejected", row.rejected().plain());
        }
        return line;
    }

    private static void addGiven(ObjectNode line, EncodedRow row) {
        if (row.onlineTokens() > 0) {
            line.putPOJO("given_chosen", row.row().onlineChosen().plain()).putPOJO("given_rejected", row.row().onlineRejected().plain());
        }
    }

    private static void add(ObjectNode line, Candidates candidates, boolean paired, double[] ownRewards) {
        line.put("sampled", candidates != null);
        if (candidates == null) {
            return;
        }
        ArrayNode answers = line.putArray("answers");
        for (int k = 0; k < candidates.all().size(); k++) {
            Candidates.Candidate candidate = candidates.all().get(k);
            double reward = candidates.rewards()[k];
            ObjectNode answer = answers.addObject().putPOJO("text", candidate.answer().plain()).put("reward", Double.isNaN(reward) ? null : reward)
                    .put("tokens", candidate.tokens().length).put("finish", candidate.finish());
            if (!Double.isNaN(candidate.logp())) {
                answer.put("logp", candidate.logp());
            }
        }
        line.put("online_chosen", paired ? candidates.best() : -1).put("online_rejected", paired ? candidates.worst() : -1);
        if (ownRewards != null && !Double.isNaN(ownRewards[0]) && !Double.isNaN(ownRewards[1])) {
            line.put("reward_chosen", ownRewards[0]).put("reward_rejected", ownRewards[1]);
        }
    }
}
