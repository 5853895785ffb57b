package org.metaapo.adapter;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;

import org.metaapo.engine.Head;
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
 * @param init how fresh matrices are drawn
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
        Init init,
        Head head,
        String base) {

    /** How fresh A is drawn; B is zero. */
    public enum Init {
        /** Uniform in ±1/√in, as PEFT's {@code true}. */
        UNIFORM,
        /** Normal with standard deviation 1/r. */
        GAUSSIAN
    }

    /** Copies the collections, in their order. */
    public AdapterConfig {
        layers = Set.copyOf(layers);
        layersPattern = List.copyOf(layersPattern);
        rankPattern = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(rankPattern));
        alphaPattern = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(alphaPattern));
        modulesToSave = List.copyOf(modulesToSave);
    }

    /**
     * Which of a model's weights are adapted, and how.
     *
     * @throws IllegalArgumentException if none is, a rank is above a dimension, or a pattern is no expression; says which
     */
    public AdapterLayout layout(ModelConfig model) {
        int[][] ranks = new int[model.layers()][Projection.values().length];
        double[][] scales = new double[model.layers()][Projection.values().length];
        boolean any = false;
        for (int layer = 0; layer < model.layers(); layer++) {
            for (Projection projection : Projection.values()) {
                String path = projection.module(layer);
                if (!adapts(path)) {
                    continue;
                }
                int r = patternKey(rankPattern, path) == null ? rank : rankPattern.get(patternKey(rankPattern, path));
                double a = patternKey(alphaPattern, path) == null ? alpha : alphaPattern.get(patternKey(alphaPattern, path));
                int most = Math.min(projection.inputs(model), projection.outputs(model));
                if (r > most) {
                    throw new IllegalArgumentException("rank " + r + " of " + path + " is above the weight's smaller dimension, " + most);
                }
                ranks[layer][projection.ordinal()] = r;
                scales[layer][projection.ordinal()] = rslora ? a / Math.sqrt(r) : a / r;
                any = true;
            }
        }
        if (!any) {
            throw new IllegalArgumentException("the targets " + shown(targets) + " fit no linear map of the model; there are "
                    + String.join(", ", java.util.Arrays.stream(Projection.values()).map(Projection::shortName).toList()));
        }
        return new AdapterLayout(ranks, scales, dropout, head);
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
