package org.metaapo.engine;

import java.nio.ByteBuffer;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_engine;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_model_config;
import org.metaapo.engine.internal.apo_model_options;
import org.metaapo.engine.internal.apo_packed_matrix;

/** Weights on a device. */
public final class Model extends NativeHandle implements Network {
    private final apo_model handle = new apo_model(null);
    private final ModelShape shape;
    private final Dtype dtype;
    private final Quantization quantization;
    private final boolean sharded;
    private final List<TensorInfo> tensors;

    Model(Engine engine, apo_engine engineHandle, ModelShape shape, ModelOptions options) {
        super(engine);
        this.shape = shape;
        this.dtype = options.dtype();
        this.quantization = options.quantization();
        this.sharded = options.sharded();
        try (IntPointer windows = shape.windowsOf();
                apo_model_config config = shape.toNative(windows);
                apo_model_options o = options.toNative()) {
            Native.check(error -> MetaapoC.apo_model_create(engineHandle, config, o, handle, error));
        }
        this.tensors = Tensors.list(
                (count, error) -> MetaapoC.apo_model_tensor_count(handle, count, error),
                (index, info, error) -> MetaapoC.apo_model_tensor(handle, index, info, error));
        register();
    }

    /** The model's shape. */
    public ModelShape shape() {
        return shape;
    }

    @Override
    public Head head() {
        return shape.head();
    }

    @Override
    public Dtype dtype() {
        return dtype;
    }

    @Override
    public boolean isSharded() {
        return sharded;
    }

    /** How the projections' weights are kept. */
    public Quantization quantization() {
        return quantization;
    }

    /** All tensors, in the order of transformers' state dict. */
    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void write(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype source) {
        ensureOpen();
        Tensors.transfer(buffer, source, (count, pointer, error) ->
                MetaapoC.apo_model_write(handle, tensor.index(), offset, count, pointer, source.code(), error));
    }

    @Override
    public void read(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype target) {
        ensureOpen();
        Tensors.transfer(buffer, target, (count, pointer, error) ->
                MetaapoC.apo_model_read(handle, tensor.index(), offset, count, pointer, target.code(), error));
    }

    /**
     * Writes a tensor that is packed in this model as it is stored in files.
     *
     * @throws org.metaapo.error.NumericException for a scale that is NaN or infinite; names the tensor
     */
    public void writePacked(TensorInfo tensor, PackedTensor packed) {
        ensureOpen();
        packed.check(quantization, tensor.shape().get(0), tensor.shape().get(1));
        boolean nested = quantization == Quantization.NF4;
        try (apo_packed_matrix matrix = new apo_packed_matrix();
                BytePointer codes = new BytePointer(packed.codes());
                FloatPointer scales = new FloatPointer(packed.scales().asFloatBuffer());
                BytePointer scaleCodes = nested ? new BytePointer(packed.scaleCodes()) : null;
                FloatPointer scaleMap = nested ? new FloatPointer(packed.scaleMap().asFloatBuffer()) : null) {
            matrix.codes(codes).scales(scales).scale_codes(scaleCodes).scale_map(scaleMap).scale_offset(packed.scaleOffset());
            Native.check(error -> MetaapoC.apo_model_write_packed(handle, tensor.index(), matrix, error));
        }
    }

    /** Fresh weights: matrices N(0, deviation²), norms 1, biases 0; a seed gives the same weights everywhere. */
    public void initialize(long seed, double standardDeviation) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_model_initialize(handle, seed, standardDeviation, error));
    }

    /** Copies all weights of a model of the same shape; a head that only one of them has is left as it is. */
    public void copyFrom(Model other) {
        ensureOpen();
        other.ensureOpen();
        Native.check(error -> MetaapoC.apo_model_copy(handle, other.handle, error));
    }

    /** Opens an adapter on this model, with all weights zero; several may be open. */
    public Adapter createAdapter(AdapterShape adapter) {
        ensureOpen();
        return new Adapter(this, handle, adapter);
    }

    /**
     * Takes the weights of the adapter's model with the adapter worked in, W + s·B·A in f32, rounded once into this model's dtype.
     * This model has that one's shape and the adapter's head, or is that one, whose own weights are then gone for good.
     */
    public void mergeFrom(Adapter adapter) {
        ensureOpen();
        adapter.mergeInto(handle);
    }

    @Override
    public Scorer scorer(long maxTokens) {
        ensureOpen();
        return new Scorer(this, handle, null, head(), maxTokens);
    }

    @Override
    public Trainer trainer(TrainerOptions options) {
        ensureOpen();
        return new Trainer(this, handle, null, options);
    }

    @Override
    public Generator generator(GeneratorOptions options) {
        ensureOpen();
        return new Generator(this, handle, null, options);
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_model_close(handle, error));
    }
}
