package org.metaapo.engine;

import java.nio.ByteBuffer;
import java.util.List;

/** What runs: a {@link Model}, or a model with an {@link Adapter} on it. */
public sealed interface Network extends AutoCloseable permits Model, Adapter {
    /** What stands on top. */
    Head head();

    /** Its own tensors: all of a model, an adapter's alone. They are what a trainer trains. */
    List<TensorInfo> tensors();

    /** Element type of these tensors. */
    Dtype dtype();

    /** Whether ranks keep parts of the weights beneath, so that forwards, backwards and reads are calls that all make together. */
    boolean isSharded();

    /**
     * Writes elements of a tensor, from {@code offset} on, from the remaining bytes of a direct buffer in native order.
     *
     * @param source element type in the buffer; f32 becomes bf16 by rounding to the nearest, of two to the larger in magnitude
     * @throws org.metaapo.error.NumericException for NaN or infinity; names tensor and element
     */
    void write(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype source);

    /** Reads elements of a tensor, from {@code offset} on, into the remaining bytes of a direct buffer in native order. */
    void read(TensorInfo tensor, long offset, ByteBuffer buffer, Dtype target);

    /**
     * Copies the tensors of a network of the same kind and shape.
     *
     * @throws IllegalArgumentException if one is a model and the other an adapter
     */
    default void copyFrom(Network other) {
        if (this instanceof Model model && other instanceof Model source) {
            model.copyFrom(source);
        } else if (this instanceof Adapter adapter && other instanceof Adapter source) {
            adapter.copyFrom(source);
        } else {
            throw new IllegalArgumentException("a model and an adapter have other tensors; one cannot be copied to the other");
        }
    }

    /** Opens a scorer for micro-batches of up to {@code maxTokens} tokens. */
    Scorer scorer(long maxTokens);

    /** Opens the trainer of these tensors; there is one at a time. */
    Trainer trainer(TrainerOptions options);

    /** Opens a generator. */
    Generator generator(GeneratorOptions options);

    /** Closes what was opened on this, then this; of an adapter its model stays. Closing again does nothing. */
    @Override
    void close();
}
