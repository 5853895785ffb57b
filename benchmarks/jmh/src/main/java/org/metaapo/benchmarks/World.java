package org.metaapo.benchmarks;

import java.util.List;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.Projection;
import org.metaapo.engine.Quantization;

/** An engine with a random model, closed together. */
final class World implements AutoCloseable {
    final Engine engine;
    final Model model;

    /**
     * Opens both.
     *
     * @param device {@code cpu} or {@code cuda:N}
     * @param dtype {@code f32} or {@code bf16}
     */
    World(String device, String dtype, ModelShape shape) {
        this(device, dtype, Quantization.NONE, shape);
    }

    /** As the other, with the projections' weights kept in this way. */
    World(String device, String dtype, Quantization quantization, ModelShape shape) {
        engine = Engine.open(DeviceSpec.parse(device), 0);
        try {
            model = engine.createModel(shape, new ModelOptions(Dtype.valueOf(dtype.toUpperCase(java.util.Locale.ROOT)), false, quantization));
            model.initialize(0, 0.02);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    /** A fresh adapter of this rank on all projections; it closes with the model. */
    Adapter adapter(int rank) {
        Adapter adapter = model.createAdapter(AdapterShape.uniform(
                Head.LM, model.shape().layers(), List.of(Projection.values()), new AdapterShape.LowRank(rank, 2), 0, 0));
        adapter.initialize(0, Adapter.Init.UNIFORM);
        return adapter;
    }

    @Override
    public void close() {
        model.close();
        engine.close();
    }
}
