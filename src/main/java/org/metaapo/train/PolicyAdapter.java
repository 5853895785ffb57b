package org.metaapo.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.adapter.AdapterConfig;
import org.metaapo.adapter.AdapterFolder;
import org.metaapo.adapter.Modules;
import org.metaapo.config.AdapterKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.files.SamePath;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.WeightCopier;

/**
 * The adapter that a run trains in place of its policy's weights.
 *
 * @param config as PEFT's file has it
 * @param start folder of the adapter that the run goes on with; null for a fresh one
 * @param shape on the run's model
 */
record PolicyAdapter(AdapterConfig config, Path start, AdapterShape shape) {
    /** The largest rank that vLLM takes unasked. */
    private static final int VLLM_RANK = 16;

    /**
     * The adapter of a run's configuration; null where all weights are trained.
     *
     * @param head of the recipe: a reward model's adapter has a score head of its own
     */
    static PolicyAdapter of(RunConfig run, ModelConfig model, Path modelPath, Head head) {
        if (!AdapterKeys.asked(run)) {
            return null;
        }
        Path start = run.path("adapter.path");
        if (start != null) {
            try (AdapterFolder folder = AdapterFolder.open(start, model, run.integer("seed"))) {
                if (folder.config().head() != head) {
                    throw AdaptedFolder.wrongHead(start, head);
                }
                return new PolicyAdapter(folder.config(), start, folder.shape());
            }
        }
        AdapterConfig config = fresh(run, modelPath, head);
        try {
            config.checkNames(model);
            return new PolicyAdapter(config, null, config.shape(model, run.integer("seed")));
        } catch (IllegalArgumentException e) {
            throw new UsageException("adapter: " + e.getMessage(), e);
        }
    }

    private static AdapterConfig fresh(RunConfig run, Path modelPath, Head head) {
        int rank = run.count("adapter.rank");
        List<String> targets = run.texts("adapter.targets");
        Modules modules = targets.equals(List.of(Modules.ALL_LINEAR)) ? new Modules(null, Modules.ALL_LINEAR) : Modules.of(targets);
        Map<String, Integer> ranks = new LinkedHashMap<>();
        pattern(run, "adapter.rank_pattern").forEach((key, value) -> ranks.put(key, whole(key, value)));
        Map<String, Double> alphas = new LinkedHashMap<>();
        pattern(run, "adapter.alpha_pattern").forEach((key, value) -> alphas.put(key, number(key, value)));
        return new AdapterConfig(
                rank, run.optional("adapter.alpha") == null ? 2.0 * rank : run.optional("adapter.alpha"), run.real("adapter.dropout"),
                run.flag("adapter.rslora"), modules, Modules.none(), new TreeSet<>(run.texts("adapter.layers").stream().map(Integer::valueOf).toList()),
                List.of(), ranks, alphas, head == Head.VALUE ? List.of("score") : List.of(),
                run.text("adapter.init").equals("gaussian") ? Adapter.Init.GAUSSIAN : Adapter.Init.UNIFORM, head, modelPath.toString());
    }

    private static Map<String, JsonNode> pattern(RunConfig run, String key) {
        Map<String, JsonNode> entries = new LinkedHashMap<>();
        Json.parse(run.text(key), key).properties().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
        return entries;
    }

    private static int whole(String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw new UsageException("adapter.rank_pattern: " + key + ": expected a rank of 1 or more, found " + Json.describe(value));
        }
        return value.intValue();
    }

    private static double number(String key, JsonNode value) {
        if (!value.isNumber() || !(value.doubleValue() > 0)) {
            throw new UsageException("adapter.alpha_pattern: " + key + ": expected a number above 0, found " + Json.describe(value));
        }
        return value.doubleValue();
    }

    /** Whether the reference stands on the run's own weights: no other model is named. */
    boolean sharesReference(RunConfig run) {
        Path path = run.path("reference.path");
        return path == null || SamePath.same(path, run.path("model.path"));
    }

    /** Whether such a reference is an adapter beside the policy's: the copy of one that is gone on with, or one that follows the policy. */
    boolean copiesReference(RunConfig run, Recipe recipe) {
        return start != null && run.path("reference.path") == null || recipe.referenceUpdate(run) != References.Update.NEVER;
    }

    /** What vLLM asks of those who serve the adapter; null where it loads it as it is. */
    String servingNote() {
        int most = shape.layers().stream().flatMap(layer -> layer.values().stream()).mapToInt(AdapterShape.LowRank::rank).max().orElse(0);
        if (shape.head() == Head.VALUE) {
            return "vLLM loads no adapter with a score head (modules_to_save); adapter.merge=true or metaapo merge gives a whole model";
        }
        return most > VLLM_RANK ? "vLLM loads an adapter of rank " + most + " with --max-lora-rank " + most + " or the next that it knows, else up to " + VLLM_RANK : null;
    }

    /** Opens it on the run's model, fresh or as its folder has it; a fresh one's score head begins as its base's where that has one. */
    Adapter open(Model model, ModelFolder source, long seed) {
        Adapter adapter = model.createAdapter(shape);
        if (start == null) {
            adapter.initialize(seed, config.init());
            WeightCopier copier = new WeightCopier(source, adapter, null);
            adapter.tensors().stream().filter(tensor -> source.expectedTensors().containsKey(tensor.name())).forEach(copier::copy);
            return adapter;
        }
        try (AdapterFolder folder = AdapterFolder.open(start, source.config(), seed)) {
            return folder.load(adapter);
        }
    }
}
