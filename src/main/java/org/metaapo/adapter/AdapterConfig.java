package org.metaapo.adapter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.engine.Projection;
import org.metaapo.model.ModelConfig;

/**
 * What {@code adapter_config.json} says of a LoRA adapter, y = W x + b + s B (A drop(x)) with s = alpha / r, or alpha / √r where
 * {@code rslora} (arXiv 2312.03732); rank and alpha may differ by module.
 *
 * @param rank r of modules that {@code rankPattern} does not name
 * @param alpha of modules that {@code alphaPattern} does not name
 * @param dropout p of drop, on the adapter's input, in training alone; in [0, 1)
 * @param rslora whether s has the root of the rank
 * @param targets modules that get an adapter
 * @param excluded modules that get none, whatever the targets say
 * @param layers numbers of the layers that get one; empty for all
 * @param layersPattern names of the list that {@code layers} counts in; empty for any
 * @param rankPattern expressions of module names to their r; the first that fits counts
 * @param alphaPattern the same of alpha
 * @param modulesToSave modules that are trained whole and lie in the file: the score head of a reward adapter
 * @param init how fresh A's are drawn; B is zero
 * @param head what the adapter's outputs are for
 * @param base {@code base_model_name_or_path}; null where the file has none
 */
public record AdapterConfig(
        int rank,
        double alpha,
        double dropout,
        boolean rslora,
        Modules targets,
        Modules excluded,
        Set<Integer> layers,
        List<String> layersPattern,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        List<String> modulesToSave,
        Adapter.Init init,
        Head head,
        String base) {

    private static final String PROJECTIONS = String.join(", ", Arrays.stream(Projection.values()).map(AdapterTensors::shortName).toList());

    /** Copies the collections, in their order. */
    public AdapterConfig {
        layers = Set.copyOf(layers);
        layersPattern = List.copyOf(layersPattern);
        rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
        alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
        modulesToSave = List.copyOf(modulesToSave);
    }

    /**
     * Which of a model's weights are adapted, and how.
     *
     * @param seed of dropout
     * @throws IllegalArgumentException if none is, a rank is above a dimension, an alpha is 0, or a pattern is no expression; says which
     */
    public AdapterShape shape(ModelConfig model, long seed) {
        List<Map<Projection, AdapterShape.LowRank>> adapted = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            Map<Projection, AdapterShape.LowRank> paths = new EnumMap<>(Projection.class);
            for (Projection projection : Projection.values()) {
                String path = AdapterTensors.module(layer, projection);
                if (adapts(path)) {
                    int most = Math.min(AdapterTensors.inputs(projection, model), AdapterTensors.outputs(projection, model));
                    paths.put(projection, lowRank(path, most));
                }
            }
            adapted.add(paths);
        }
        if (adapted.stream().allMatch(Map::isEmpty)) {
            throw new IllegalArgumentException("the targets " + shown(targets) + " fit no linear map of the model; there are " + PROJECTIONS);
        }
        return new AdapterShape(head, adapted, dropout, seed);
    }

    /**
     * Checks that each name, layer and pattern means something in a model, which PEFT asks of all targets together alone.
     *
     * @throws IllegalArgumentException naming what means nothing
     */
    public void checkNames(ModelConfig model) {
        List<String> paths = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            for (Projection projection : Projection.values()) {
                paths.add(AdapterTensors.module(layer, projection));
            }
        }
        for (String name : targets.names() == null ? List.<String>of() : targets.names()) {
            if (paths.stream().noneMatch(Modules.of(List.of(name))::fit)) {
                throw new IllegalArgumentException("the target " + name + " fits no linear map of the model's layers; there are " + PROJECTIONS);
            }
        }
        for (int layer : layers) {
            if (layer >= model.layers()) {
                throw new IllegalArgumentException("layer " + layer + " is not there; the model has " + model.layers() + ", the first of them 0");
            }
        }
        for (Map<String, ?> pattern : List.of(rankPattern, alphaPattern)) {
            for (String key : pattern.keySet()) {
                if (paths.stream().noneMatch(path -> key.equals(patternKey(Map.of(key, 0), path)) && adapts(path))) {
                    throw new IllegalArgumentException("the pattern " + key + " fits no module that gets an adapter; there are " + PROJECTIONS);
                }
            }
        }
    }

    private AdapterShape.LowRank lowRank(String path, int most) {
        String rankKey = patternKey(rankPattern, path);
        String alphaKey = patternKey(alphaPattern, path);
        int r = rankKey == null ? rank : rankPattern.get(rankKey);
        double a = alphaKey == null ? alpha : alphaPattern.get(alphaKey);
        if (r > most) {
            throw new IllegalArgumentException("rank " + r + " of " + path + " is above the weight's smaller dimension, " + most);
        }
        if (a == 0) {
            throw new IllegalArgumentException("alpha of " + path + " is 0, with which the adapter does nothing; expected a number other than 0");
        }
        return new AdapterShape.LowRank(r, rslora ? a / Math.sqrt(r) : a / r);
    }

    private static String shown(Modules modules) {
        return modules.expression() != null ? "\"" + modules.expression() + "\"" : modules.names().toString();
    }

    private boolean adapts(String path) {
        if (!excluded.isEmpty() && excluded.fit(path)) {
            return false;
        }
        // A module that is saved whole gets no adapter, and neither do its parts.
        for (String saved : modulesToSave) {
            if (new ModulePattern(saved, "(^|.*\\.)" + saved + "($|\\..*)").matcher(path).lookingAt()) {
                return false;
            }
        }
        if (!targets.fit(path)) {
            return false;
        }
        boolean named = targets.expression() == null && targets.names().contains(path);
        return named || layers.isEmpty() || layers.contains(layerOf(path));
    }

    /** The number in a path that {@code layersPattern} stands before; -1 where it does not occur. */
    private int layerOf(String path) {
        List<String> names = layersPattern.isEmpty() ? List.of("[^.]*") : layersPattern;
        for (String name : names) {
            Matcher matcher = new ModulePattern(name, "(?:^|.*?\\.)" + name + "\\.(?<idx>\\d+)\\.").matcher(path);
            if (matcher.lookingAt()) {
                return Integer.parseInt(matcher.group("idx"));
            }
        }
        return -1;
    }

    /** The first key of a pattern that fits the end of a path; null where none does. */
    private static String patternKey(Map<String, ?> pattern, String path) {
        for (String key : pattern.keySet()) {
            if (new ModulePattern(key, "(.*\\.)?(" + key + ")$").matcher(path).lookingAt()) {
                return key;
            }
        }
        return null;
    }
}
