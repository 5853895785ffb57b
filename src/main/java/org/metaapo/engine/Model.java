package org.metaapo.engine;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_engine;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_model_config;
import org.metaapo.engine.internal.apo_tensor_info;

/** Weights on a device. */
public final class Model extends NativeHandle {
    private final apo_model handle = new apo_model(null);
    private final ModelShape shape;
    private final Dtype dtype;
    private final List<TensorInfo> tensors;

    Model(Engine engine, apo_engine engineHandle, ModelShape shape, Dtype dtype, boolean offloaded) {
        super(engine);
        this.shape = shape;
        this.dtype = dtype;
        try (IntPointer windows = shape.windowsOf();
                apo_model_config config = shape.toNative(windows)) {
            Native.check(error -> offloaded
                    ? MetaapoC.apo_model_create_offloaded(engineHandle, config, dtype.code(), handle, error)
                    : MetaapoC.apo_model_create(engineHandle, config, dtype.code(), handle, error));
        }
        this.tensors = readTensors();
        register();
    }

    private List<TensorInfo> readTensors() {
        int[] count = new int[1];
        Native.check(error -> MetaapoC.apo_model_tensor_count(handle, count, error));
        List<TensorInfo> list = new ArrayList<>();
        try (apo_tensor_info info = new apo_tensor_info()) {
            for (int i = 0; i < count[0]; i++) {
                int index = i;
                Native.check(error -> MetaapoC.apo_model_tensor(handle, index, info, error));
                List<Long> dimensions = info.rank() == 1 ? List.of(info.shape(0)) : List.of(info.shape(0), info.shape(1));
                list.add(new TensorInfo(index, Native.text(info.name()), dimensions, info.count()));
            }
        }
        return List.copyOf(list);
    }

    /** The model's shape. */
    public ModelShape shape() {
        return shape;
    }

    /** Element type of the weights. */
    public Dtype dtype() {
        return dtype;
    }

    /** All tensors, in the order of transformers' state dict. */
    public List<TensorInfo> tensors() {
        return tensors;
    }

    /**
     * Writes elements of a tensor, from {@code offset} on, from the remaining bytes of a direct buffer in native order.
     *
     * @param source element type in the buffer; f32 becomes bf16 by rounding to the nearest, of two to the larger in magnitude
     * @throws org.metaapo.error.NumericException for NaN or infinity; names tensor and element
     */
    public void write(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype source) {
        ensureOpen();
        long count = elements(buffer, source);
        try (BytePointer pointer = new BytePointer(buffer)) {
            Native.check(error ->
                    MetaapoC.apo_model_write(handle, tensor.index(), offset, count, pointer, source.code(), error));
        }
    }

    /** Reads elements of a tensor, from {@code offset} on, into the remaining bytes of a direct buffer in native order. */
    public void read(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype target) {
        ensureOpen();
        long count = elements(buffer, target);
        try (BytePointer pointer = new BytePointer(buffer)) {
            Native.check(error ->
                    MetaapoC.apo_model_read(handle, tensor.index(), offset, count, pointer, target.code(), error));
        }
    }

    private static long elements(ByteBuffer buffer, Dtype dtype) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("the buffer is on the heap; expected a direct one");
        }
        if (buffer.remaining() % dtype.bytes() != 0) {
            throw new IllegalArgumentException(
                    "the buffer has " + buffer.remaining() + " bytes; expected a multiple of " + dtype.bytes());
        }
        return buffer.remaining() / dtype.bytes();
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

    /** Opens a scorer for micro-batches of up to {@code maxTokens} tokens. */
    public Scorer scorer(long maxTokens) {
        ensureOpen();
        return new Scorer(this, handle, maxTokens);
    }

    /** Opens the model's trainer; there is one at a time. */
    public Trainer trainer(TrainerOptions options) {
        ensureOpen();
        return new Trainer(this, handle, options);
    }

    /** Opens a generator. */
    public Generator generator(GeneratorOptions options) {
        ensureOpen();
        return new Generator(this, handle, options);
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_model_close(handle, error));
    }
}
