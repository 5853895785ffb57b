package org.metaapo.benchmarks;

import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelShape;

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
        engine = Engine.open(DeviceSpec.parse(device), 0);
        try {
            model = engine.createModel(shape, Dtype.valueOf(dtype.toUpperCase(java.util.Locale.ROOT)));
            model.initialize(0, 0.02);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    @Override
    public void close() {
        model.close();
        engine.close();
    }
}
