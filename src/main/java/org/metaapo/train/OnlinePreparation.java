package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Prompt;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Model;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Weighting;
import org.metaapo.files.Json;
import org.metaapo.reward.Annotator;
import org.metaapo.rollout.AnswerWriter;
import org.metaapo.rollout.CounterRandom;
import org.metaapo.rollout.Decision;

/**
 * MetaAPO's preparation of a slice: score the offline pairs, decide which prompts are sampled, let the policy answer them,
 * rank its answers, and pair the best with the worst.
 */
final class OnlinePreparation {
    private final RunConfig config;
    private final Model policy;
    private final Annotator reward;
    private final RunData data;
    private final Objective objective;
    private final RunListener listener;
    private final StopSignal stop;
    private final Totals totals;

    OnlinePreparation(
            RunConfig config,
            Model policy,
            Annotator reward,
            RunData data,
            Objective objective,
            RunListener listener,
            StopSignal stop,
            Totals totals) {
        this.config = config;
        this.policy = policy;
        this.reward = reward;
        this.data = data;
        this.objective = objective;
        this.listener = listener;
        this.stop = stop;
        this.totals = totals;
    }

    /** What became of a row. */
    private static final class Outcome {
        double score;
        double weight;
        double uniform;
        boolean sampled;
        List<GeneratedAnswer> answers = List.of();
        List<String> texts = List.of();
        double[] rewards;
        double[] offlineRewards;
        int best = -1;
        int worst = -1;
    }

    /**
     * Prepares a slice.
     *
     * @param sums log-prob sums of (chosen, rejected) under the policy as it is
     * @param references the same under the reference
     * @param online scores the chosen pairs under the reference
     * @param samples gets a line a row
     */
    List<TrainRow> prepare(
            List<EncodedRow> rows,
            List<double[]> sums,
            List<double[]> references,
            Weighting weighting,
            long iteration,
            ReferenceScorer online,
            StringBuilder samples) {
        List<Outcome> outcomes = decide(rows, sums, references, weighting, iteration);
        List<Integer> sampled = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            if (outcomes.get(i).sampled) {
                sampled.add(i);
            }
        }
        totals.promptsSeen += rows.size();
        totals.promptsSampled += sampled.size();
        answer(rows, outcomes, sampled, iteration);
        rank(rows, outcomes, sampled);
        List<TrainRow> prepared = pair(rows, references, outcomes, online);
        for (int i = 0; i < rows.size(); i++) {
            samples.append(Json.write(line(rows.get(i), outcomes.get(i)))).append('\n');
        }
        return prepared;
    }

    /** Reference log-prob sums of pairs. */
    interface ReferenceScorer {
        List<double[]> score(List<PairScorer.Pair> pairs);
    }

    private List<Outcome> decide(
            List<EncodedRow> rows, List<double[]> sums, List<double[]> references, Weighting weighting, long iteration) {
        PairResults results = PairScorer.evaluate(
                PairScorer.pairs(rows), sums, objective.needsReference() ? references : null, objective, weighting);
        Decision decision = new Decision(
                Decision.Kind.valueOf(config.text("rollout.decision").toUpperCase(java.util.Locale.ROOT)),
                config.real("rollout.threshold"));
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            Outcome outcome = new Outcome();
            outcome.score = results.scoreOffline()[i];
            outcome.weight = results.weight()[i];
            outcome.uniform = CounterRandom.uniform(config.integer("seed"), iteration, rows.get(i).id());
            outcome.sampled = decision.samples(outcome.weight, outcome.uniform);
            outcomes.add(outcome);
        }
        return outcomes;
    }

    private void answer(List<EncodedRow> rows, List<Outcome> outcomes, List<Integer> sampled, long iteration) {
        long start = System.nanoTime();
        int k = config.count("rollout.k");
        Sampling sampling = new Sampling(
                k, data.newTokens(config), false, config.count("rollout.top_k"), config.real("rollout.top_p"),
                config.real("rollout.temperature"), config.integer("seed"), data.format().stopIds());
        List<int[]> prompts = sampled.stream().map(i -> rows.get(i).prompt()).toList();
        long[] keys = sampled.stream().mapToLong(i -> (iteration << 32) | rows.get(i).id()).toArray();
        listener.begin("sampling", prompts.size());
        List<List<GeneratedAnswer>> answers = new AnswerWriter(policy, config.count("rollout.sequences"))
                .write(prompts, keys, sampling, done -> {
                    listener.progress(done, "");
                    stop.check();
                });
        listener.end();
        for (int j = 0; j < sampled.size(); j++) {
            Outcome outcome = outcomes.get(sampled.get(j));
            outcome.answers = answers.get(j);
            outcome.texts = answers.get(j).stream().map(this::text).toList();
        }
        totals.answersGenerated += (long) sampled.size() * k;
        totals.secondsSampling += (System.nanoTime() - start) * 1e-9;
    }

    private String text(GeneratedAnswer answer) {
        int[] ids = answer.tokens();
        return data.format().tokenizer().decode(answer.stopped() ? Arrays.copyOf(ids, ids.length - 1) : ids, true);
    }

    private void rank(List<EncodedRow> rows, List<Outcome> outcomes, List<Integer> sampled) {
        long start = System.nanoTime();
        boolean offlineToo = config.flag("reward.offline_pairs");
        List<Prompt> prompts = sampled.stream().map(i -> rows.get(i).row().prompt()).toList();
        List<List<String>> answers = new ArrayList<>();
        for (int i : sampled) {
            List<String> all = new ArrayList<>(outcomes.get(i).texts);
            if (offlineToo) {
                // For the report; it costs no new annotation of the method.
                all.add(rows.get(i).row().chosen());
                all.add(rows.get(i).row().rejected());
            }
            answers.add(all);
        }
        long wanted = reward.costs().lookups();
        listener.begin("ranking", prompts.size());
        List<double[]> scores = reward.score(prompts, answers, new RankingWatch(listener, stop));
        listener.end();
        totals.rewardLookups += reward.costs().lookups() - wanted;
        for (int j = 0; j < sampled.size(); j++) {
            Outcome outcome = outcomes.get(sampled.get(j));
            int k = outcome.texts.size();
            outcome.rewards = Arrays.copyOf(scores.get(j), k);
            outcome.offlineRewards = offlineToo ? Arrays.copyOfRange(scores.get(j), k, k + 2) : null;
            outcome.best = extreme(outcome.rewards, 1);
            outcome.worst = extreme(outcome.rewards, -1);
            totals.answersAnnotated += k;
        }
        totals.secondsRanking += (System.nanoTime() - start) * 1e-9;
    }

    /** The first index of the largest (sign 1) or smallest (sign -1) value. */
    private static int extreme(double[] values, int sign) {
        int at = 0;
        for (int i = 1; i < values.length; i++) {
            if (sign * values[i] > sign * values[at]) {
                at = i;
            }
        }
        return at;
    }

    private List<TrainRow> pair(
            List<EncodedRow> rows, List<double[]> references, List<Outcome> outcomes, ReferenceScorer online) {
        List<Integer> paired = new ArrayList<>();
        List<PairScorer.Pair> pairs = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            Outcome o = outcomes.get(i);
            if (!o.sampled) {
                continue;
            }
            boolean tie = o.rewards[o.best] == o.rewards[o.worst]
                    || o.texts.get(o.best).equals(o.texts.get(o.worst))
                    || Arrays.equals(o.answers.get(o.best).tokens(), o.answers.get(o.worst).tokens());
            if (tie) {
                totals.ties++;
                o.best = -1;
                o.worst = -1;
                continue;
            }
            paired.add(i);
            pairs.add(new PairScorer.Pair(
                    rows.get(i).prompt(), o.answers.get(o.best).tokens(), o.answers.get(o.worst).tokens(), rows.get(i).source()));
        }
        List<double[]> onlineReferences = objective.needsReference() && !pairs.isEmpty() ? online.score(pairs) : null;
        TrainRow.OnlinePair[] found = new TrainRow.OnlinePair[rows.size()];
        for (int j = 0; j < paired.size(); j++) {
            found[paired.get(j)] = new TrainRow.OnlinePair(
                    pairs.get(j).chosen(), pairs.get(j).rejected(), onlineReferences == null ? null : onlineReferences.get(j));
        }
        boolean drop = config.text("rollout.unsampled").equals("drop");
        List<TrainRow> prepared = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            if (found[i] != null || !drop) {
                prepared.add(new TrainRow(rows.get(i), references == null ? null : references.get(i), found[i]));
            }
        }
        return prepared;
    }

    private ObjectNode line(EncodedRow row, Outcome o) {
        ObjectNode line = Json.mapper().createObjectNode();
        line.put("row", row.row().id()).put("source", row.row().source()).put("prompt", row.row().prompt().shown());
        line.put("chosen", row.row().chosen()).put("rejected", row.row().rejected());
        line.put("score", o.score).put("weight", o.weight).put("uniform", o.uniform).put("sampled", o.sampled);
        if (o.sampled) {
            ArrayNode answers = line.putArray("answers");
            for (int k = 0; k < o.answers.size(); k++) {
                answers.addObject().put("text", o.texts.get(k)).put("reward", o.rewards[k])
                        .put("tokens", o.answers.get(k).tokens().length)
                        .put("finish", o.answers.get(k).stopped() ? "stop" : "length")
                        .put("logp", o.answers.get(k).logp());
            }
            line.put("online_chosen", o.best).put("online_rejected", o.worst);
            if (o.offlineRewards != null) {
                line.put("reward_chosen", o.offlineRewards[0]).put("reward_rejected", o.offlineRewards[1]);
            }
        }
        return line;
    }
}
