package org.metaapo.train;

import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.adapter.AdapterTensors;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.engine.Projection;
import org.metaapo.model.ModelConfig;

/**
 * What a run trains, or could train, in words and numbers.
 *
 * @param what all weights, or an adapter with its ranks and modules
 * @param weights how many these are
 * @param of weights of the model
 */
public record Trained(String what, long weights, long of) {
    /** Of a run's configuration and its model. */
    public static Trained of(RunConfig run, ModelConfig model) {
        Head head = Recipe.of(run).head();
        return of(PolicyAdapter.of(run, model, run.path("model.path"), head), model.withHead(head));
    }

    /** {@code adapter} is null where all weights are trained. */
    static Trained of(PolicyAdapter adapter, ModelConfig model) {
        if (adapter == null) {
            return new Trained("all weights", model.parameters(), model.parameters());
        }
        return new Trained(
                (adapter.start() == null ? "a fresh adapter" : "the adapter " + adapter.start()) + ", " + described(adapter.shape()),
                AdapterTensors.parameters(adapter.shape(), model), model.parameters());
    }

    /** The adapter over a model, with its weights; null where there is none. */
    public static Trained adapter(AdaptedFolder folder) {
        if (folder.adapter() == null) {
            return null;
        }
        AdapterShape shape = folder.adapter().shape();
        return new Trained(folder.adapter().path() + ", " + described(shape), AdapterTensors.parameters(shape, folder.config()), folder.config().parameters());
    }

    /** Ranks, modules and head of an adapter, in words. */
    private static String described(AdapterShape shape) {
        TreeSet<Integer> ranks = shape.layers().stream().flatMap(layer -> layer.values().stream()).map(AdapterShape.LowRank::rank)
                .collect(Collectors.toCollection(TreeSet::new));
        TreeSet<Projection> modules = shape.layers().stream().flatMap(layer -> layer.keySet().stream()).collect(Collectors.toCollection(TreeSet::new));
        long layers = shape.layers().stream().filter(layer -> !layer.isEmpty()).count();
        long maps = shape.layers().stream().mapToLong(Map::size).sum();
        return "rank " + ranks.stream().map(String::valueOf).collect(Collectors.joining(", ")) + " on "
                + modules.stream().map(AdapterTensors::shortName).collect(Collectors.joining(", "))
                + String.format(Locale.ROOT, " of %d layers (%d linear maps)", layers, maps) + (shape.head() == Head.VALUE ? " and a score head" : "");
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s: %,d weights", what, weights)
                + (weights == of ? "" : String.format(Locale.ROOT, " beside the model's %,d (%.3g %%)", of, 100.0 * weights / of));
    }
}
