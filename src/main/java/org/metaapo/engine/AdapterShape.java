package org.metaapo.engine;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.metaapo.engine.internal.apo_adapter_config;

/**
 * Shape of a low-rank adapter (LoRA): a projection y = W x + b becomes y = W x + b + s B (A drop(x)).
 *
 * @param head {@link Head#LM}: the model's own; {@link Head#VALUE}: a score head of the adapter's own, on a model with any head
 * @param layers for each layer the projections that have a path
 * @param dropout share of a path's input that is dropped in trainers, in [0, 1)
 * @param seed of dropout
 */
public record AdapterShape(Head head, List<Map<Projection, LowRank>> layers, double dropout, long seed) {
    /**
     * A path beside a projection.
     *
     * @param rank r: A is (r, in), B is (out, r)
     * @param scale s: alpha / r, or alpha / sqrt(r) of rsLoRA
     */
    public record LowRank(int rank, double scale) {}

    /** Copies the maps. */
    public AdapterShape {
        layers = layers.stream().map(Map::copyOf).toList();
    }

    /** The same paths in every layer. */
    public static AdapterShape uniform(Head head, int layers, List<Projection> projections, LowRank path, double dropout, long seed) {
        Map<Projection, LowRank> each = new EnumMap<>(Projection.class);
        projections.forEach(projection -> each.put(projection, path));
        return new AdapterShape(head, java.util.Collections.nCopies(layers, each), dropout, seed);
    }

    /** The native struct with its tables; the caller closes it. */
    Arguments toNative() {
        return new Arguments(this);
    }

    /** Off the heap, for one call. */
    static final class Arguments implements AutoCloseable {
        final apo_adapter_config config = new apo_adapter_config();
        private final IntPointer ranks;
        private final DoublePointer scales;

        private Arguments(AdapterShape shape) {
            Projection[] projections = Projection.values();
            int[] ranks = new int[shape.layers.size() * projections.length];
            double[] scales = new double[ranks.length];
            for (int i = 0; i < ranks.length; i++) {
                LowRank path = shape.layers.get(i / projections.length).get(projections[i % projections.length]);
                ranks[i] = path == null ? 0 : path.rank();
                scales[i] = path == null ? 0 : path.scale();
            }
            this.ranks = new IntPointer(ranks.length == 0 ? new int[1] : ranks);
            this.scales = new DoublePointer(scales.length == 0 ? new double[1] : scales);
            config.head(shape.head.ordinal()).layers(shape.layers.size()).ranks(this.ranks).scales(this.scales);
            config.dropout(shape.dropout).seed(shape.seed);
        }

        @Override
        public void close() {
            config.close();
            ranks.close();
            scales.close();
        }
    }
}
