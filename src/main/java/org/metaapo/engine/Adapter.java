package org.metaapo.engine;

import java.nio.ByteBuffer;
import java.util.List;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_adapter;
import org.metaapo.engine.internal.apo_model;

/**
 * A low-rank adapter on a model, which it does not change: its scorers, trainers and generators run the model with it, and what is
 * opened on the model itself runs without. A trainer of an adapter trains it alone.
 */
public final class Adapter extends NativeHandle implements Network {
    /** How the A's of a fresh adapter are drawn, in the order of {@code apo_adapter_init}. */
    public enum Init {
        /** In ±1/√in, as PEFT does by itself. */
        UNIFORM,
        /** N(0, 1/r²). */
        GAUSSIAN
    }

    private final apo_adapter handle = new apo_adapter(null);
    private final Model model;
    private final apo_model modelHandle;
    private final AdapterShape shape;
    private final List<TensorInfo> tensors;

    Adapter(Model model, apo_model modelHandle, AdapterShape shape) {
        super(model);
        this.model = model;
        this.modelHandle = modelHandle;
        this.shape = shape;
        try (AdapterShape.Arguments arguments = shape.toNative()) {
            Native.check(error -> MetaapoC.apo_adapter_create(modelHandle, arguments.config, handle, error));
        }
        this.tensors = Tensors.list(
                (count, error) -> MetaapoC.apo_adapter_tensor_count(handle, count, error),
                (index, info, error) -> MetaapoC.apo_adapter_tensor(handle, index, info, error));
        register();
    }

    /** The model that it stands on. */
    public Model model() {
        return model;
    }

    @Override
    public boolean isSharded() {
        return model.isSharded();
    }

    /** Its shape. */
    public AdapterShape shape() {
        return shape;
    }

    @Override
    public Head head() {
        return shape.head();
    }

    /** Its tensors, in the order of PEFT's files and by their names there after "base_model.model.". */
    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    /** F32, whatever the model's. */
    @Override
    public Dtype dtype() {
        return Dtype.F32;
    }

    @Override
    public void write(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype source) {
        ensureOpen();
        Tensors.transfer(buffer, source, (count, pointer, error) ->
                MetaapoC.apo_adapter_write(handle, tensor.index(), offset, count, pointer, source.code(), error));
    }

    @Override
    public void read(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype target) {
        ensureOpen();
        Tensors.transfer(buffer, target, (count, pointer, error) ->
                MetaapoC.apo_adapter_read(handle, tensor.index(), offset, count, pointer, target.code(), error));
    }

    /** Fresh weights, which change nothing that the model computes: B is zero; a score head is N(0, 0.02²). */
    public void initialize(long seed, Init init) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_adapter_initialize(handle, seed, init.ordinal(), error));
    }

    /** Copies all weights of an adapter with the same head, ranks and scales. */
    public void copyFrom(Adapter other) {
        ensureOpen();
        other.ensureOpen();
        Native.check(error -> MetaapoC.apo_adapter_copy(handle, other.handle, error));
    }

    @Override
    public Scorer scorer(long maxTokens) {
        ensureOpen();
        return new Scorer(this, modelHandle, handle, head(), maxTokens);
    }

    @Override
    public Trainer trainer(TrainerOptions options) {
        ensureOpen();
        return new Trainer(this, modelHandle, handle, options);
    }

    @Override
    public Generator generator(GeneratorOptions options) {
        ensureOpen();
        return new Generator(this, modelHandle, handle, options);
    }

    /** For {@link Model#mergeFrom}. */
    void mergeInto(apo_model target) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_model_merge(target, modelHandle, handle, error));
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_adapter_close(handle, error));
    }
}
