package org.metaapo.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Shuffle;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Weighting;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Ranks;
import org.metaapo.tracking.Trackers;
import org.metaapo.tracking.Tracking;

/**
 * Selective DPO's choice of pairs (arXiv 2502.09650): a pair's difficulty is its DPO loss under a policy that was trained on the
 * half of the data without it, averaged over reference runs with other halves. The easiest share is kept and trained from easy to
 * hard. Each reference run is an ordinary run of recipe dpo in the folder {@code difficulty}; its losses are kept there, so that a
 * run that goes on repeats none.
 */
final class Selection {
    private final RunConfig config;
    private final RunData data;
    private final ModelFolder source;
    private final RunListener listener;
    private final StopSignal stop;
    private final Ranks ranks;
    private final RunOutput output;
    private final Totals spent = new Totals();

    Selection(RunConfig config, RunData data, ModelFolder source, RunListener listener, StopSignal stop, Ranks ranks) {
        this.ranks = ranks;
        this.config = config;
        this.data = data;
        this.source = source;
        this.listener = listener;
        this.stop = stop;
        this.output = new RunOutput(new RunFolder(config.path("out")), ranks);
    }

    /** What the reference runs took, once the rows are selected; of runs that an earlier start made too. */
    Totals spent() {
        return spent;
    }

    /** The kept rows, easiest first. */
    RunData select() {
        int n = data.rows().size();
        double[] difficulty = new double[n];
        int runs = config.count("selective.runs");
        for (int run = 0; run < runs; run++) {
            int[] order = Shuffle.order(n, config.integer("seed"), run, true);
            int[] first = Arrays.copyOf(order, n / 2);
            int[] second = Arrays.copyOfRange(order, n / 2, n);
            add(difficulty, run, 0, first, second);
            add(difficulty, run, 1, second, first);
        }
        int[] easiest = IntStream.range(0, n).boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> difficulty[i]).thenComparing(i -> i))
                .limit(Math.max(1, Math.round(n * config.real("selective.keep"))))
                .mapToInt(Integer::intValue)
                .toArray();
        listener.note(String.format(java.util.Locale.ROOT, "kept the %,d easiest of %,d pairs", easiest.length, n));
        return data.picking(easiest);
    }

    private void add(double[] difficulty, int run, int half, int[] trained, int[] scored) {
        if (trained.length == 0) {
            return;
        }
        Path folder = output.folder().difficulty();
        Path file = folder.resolve("losses-" + run + "-" + half + ".json");
        Path out = folder.resolve("run-" + run + "-" + half);
        RunConfig own = config.with("recipe", "dpo").with("objective.name", "dpo").with("out", out.toString())
                .with("adapter.merge", false).with("train.epochs", config.integer("selective.epochs")).with("seed", config.integer("seed") + run);
        RunData part = data.pickingUnevaluated(trained);
        RunFingerprint print = RunFingerprint.of(own, part, source, ranks);
        String fingerprint = print.digest();
        JsonNode kept = ranks.agree(() -> kept(file, fingerprint, scored.length));
        if (kept == null) {
            listener.note("difficulty: reference run " + (run + 1) + " of " + config.integer("selective.runs") + ", half " + (half + 1) + " of 2");
            ObjectNode json = Json.mapper().createObjectNode().put("fingerprint", fingerprint);
            measure(own, part, print, scored, json);
            output.write(file, Json.write(json));
            output.delete(out);
            kept = json;
        }
        spent.secondsTraining += kept.path("seconds_training").asDouble();
        spent.secondsScoring += kept.path("seconds_scoring").asDouble();
        spent.tokensTrained += kept.path("tokens_trained").asLong();
        for (int i = 0; i < scored.length; i++) {
            difficulty[scored[i]] += kept.path("losses").get(i).asDouble() / config.integer("selective.runs");
        }
    }

    private static JsonNode kept(Path file, String fingerprint, int count) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        JsonNode json = Json.read(file);
        return json.path("fingerprint").asText().equals(fingerprint) && json.path("losses").size() == count ? json : null;
    }

    /** Trains on a half, if that is not done, and puts the other half's losses and what it all took into {@code json}. */
    private void measure(RunConfig own, RunData part, RunFingerprint print, int[] scored, ObjectNode json) {
        RunFolder run = new RunFolder(own.path("out"));
        boolean isTrained = ranks.agree(() -> {
            print.check(run);
            return run.end() != null;
        });
        if (!isTrained) {
            print.write(new RunOutput(run, ranks));
            Recipes.train(own, Recipe.DPO, part, source, new Totals(), listener, stop, ranks, new Tracking(Trackers.none(), listener::note));
        }
        long start = System.nanoTime();
        List<EncodedRow> rows = Arrays.stream(scored).mapToObj(data.rows()::get).toList();
        List<PairScorer.Pair> pairs = PairScorer.pairs(rows);
        Dtype dtype = Dtype.fromName(config.text("dtype"));
        try (Engine engine = ranks.agree(() -> Engine.open(DeviceSpec.parse(config.text("device")), config.count("threads")))) {
            List<double[]> sums = score(engine, run.result(source.path()).quantized(BaseWeights.asked(config)), dtype, pairs, "scoring the other half");
            List<double[]> references = score(engine, reference(), dtype, pairs, "reference log-probs");
            PairResults results = PairScorer.evaluate(
                    pairs, sums, references, Objective.dpo(config.real("objective.beta")), Weighting.constant(1));
            ArrayNode losses = json.putArray("losses");
            Arrays.stream(results.loss()).forEach(losses::add);
        }
        JsonNode end = ranks.agree(run::end);
        json.put("tokens_trained", end.path("tokens_trained").asLong()).put("seconds_training", end.path("seconds_training").asDouble());
        json.put("seconds_scoring", end.path("seconds_scoring").asDouble() + (System.nanoTime() - start) * 1e-9);
    }

    /** What the reference runs compare with: the model that is named, else the policy as a run begins. */
    private AdaptedFolder reference() {
        Path named = config.path("reference.path");
        AdaptedFolder folder = named == null ? AdaptedFolder.open(source.path(), config.path("adapter.path")) : AdaptedFolder.open(named);
        return folder.quantized(BaseWeights.asked(config));
    }

    /** Closes the folder. */
    private List<double[]> score(Engine engine, AdaptedFolder folder, Dtype dtype, List<PairScorer.Pair> pairs, String phase) {
        try (folder;
                AdaptedFolder.Loaded loaded = ranks.agree(() -> folder.load(engine, dtype, data.longestSequence(Recipe.SELECTIVE_DPO, config)))) {
            return new PhasedScoring(listener, stop, data.maxTokens(Recipe.SELECTIVE_DPO, config), config.flag("data.share_prompts"), ranks)
                    .score(loaded.network(), pairs, phase);
        }
    }}
