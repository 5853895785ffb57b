package org.metaapo.engine;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_adamw;
import org.metaapo.engine.internal.apo_adapter;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_packed_part;
import org.metaapo.engine.internal.apo_trainer;
import org.metaapo.engine.internal.apo_trainer_options;

/** Gradients and optimizer state of a model's weights, or of an adapter's alone, and the training step. */
public final class Trainer extends NativeHandle {
    private final apo_trainer handle = new apo_trainer(null);
    private int answers;

    /** @param adapterHandle null for the model alone */
    Trainer(NativeHandle parent, apo_model modelHandle, apo_adapter adapterHandle, TrainerOptions options) {
        super(parent);
        try (apo_trainer_options o = options.toNative()) {
            Native.check(error -> MetaapoC.apo_trainer_create(modelHandle, adapterHandle, o, handle, error));
        }
        register();
    }

    /** What {@link #read} and {@link #write} reach, in the order of {@code apo_state}. */
    public enum State {
        /** Gradients summed since the last step. */
        GRADIENT,
        /** Weights in f32. */
        MASTER,
        /** AdamW's mean of gradients; of 8 bits it is read and written packed. */
        MOMENT1,
        /** AdamW's mean of squared gradients; of 8 bits it is read and written packed. */
        MOMENT2
    }

    /**
     * What a fused step came to.
     *
     * @param sums (answers) log-prob sums; of a value head the scores
     * @param results by row
     */
    public record PreferenceStep(double[] sums, PairResults results) {}

    /** Forward that keeps what {@link #backward} needs; log-prob sums, or scores of a value head, one for each answer. */
    public double[] forward(TokenBatch batch) {
        ensureOpen();
        answers = batch.answers();
        try (DoublePointer sums = new DoublePointer(answers)) {
            Native.check(error -> MetaapoC.apo_trainer_forward(
                    handle, batch.handle(), (FloatPointer) null, sums, null, error));
            return Native.array(sums, answers);
        }
    }

    /** As {@link #forward}, with the log-prob of each token. LM head only. */
    public Scorer.LogProbs forwardTokens(TokenBatch batch) {
        ensureOpen();
        answers = batch.answers();
        try (DoublePointer sums = new DoublePointer(answers);
                FloatPointer tokens = new FloatPointer(batch.answerTokens())) {
            Native.check(error -> MetaapoC.apo_trainer_forward(handle, batch.handle(), tokens, sums, null, error));
            return new Scorer.LogProbs(Native.array(sums, answers), batch.split(tokens));
        }
    }

    /** Backward of the last forward from the loss's gradient by each sum; adds to the gradients. */
    public void backward(double[] dsums) {
        ensureOpen();
        if (dsums.length != answers) {
            throw new IllegalArgumentException("dsums has " + dsums.length + " entries; the last forward had " + answers);
        }
        Native.check(error -> MetaapoC.apo_trainer_backward(handle, dsums, null, error));
    }

    /** As {@link #backward}, from the gradient by each token's log-prob, answers in order. LM head only. */
    public void backwardTokens(float[] dlogps) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_trainer_backward_tokens(handle, dlogps, null, error));
    }

    /** Forward, fused loss and backward in one call: adds the gradient of scale·Σ loss. */
    public PreferenceStep preference(
            TokenBatch batch, Pairs pairs, Objective objective, Weighting weighting, double scale, Progress progress) {
        ensureOpen();
        answers = batch.answers();
        try (PairArguments arguments = new PairArguments(pairs, answers, objective, weighting);
                DoublePointer sums = new DoublePointer(answers)) {
            Native.check(error -> MetaapoC.apo_trainer_preference(
                    handle,
                    batch.handle(),
                    arguments.pairs,
                    arguments.objective,
                    arguments.meta,
                    scale,
                    sums,
                    arguments.results,
                    Progress.handle(progress),
                    error));
            return new PreferenceStep(Native.array(sums, answers), arguments.read());
        }
    }

    /**
     * In place of {@link #forward} with its backward, or {@link #preference}, on a rank that has no rows while others have: every rank makes
     * as many of these calls a step.
     */
    public void idle() {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_trainer_idle(handle, error));
    }

    /**
     * A range of a tensor's elements.
     *
     * @param offset its first element
     * @param count of elements; may be 0
     */
    public record Part(long offset, long count) {}

    /** The part of a tensor whose masters and moments this rank keeps: all of it, unless ranks share them out. */
    public Part part(TensorInfo tensor) {
        ensureOpen();
        long[] offset = new long[1];
        long[] count = new long[1];
        Native.check(error -> MetaapoC.apo_trainer_part(handle, tensor.index(), offset, count, error));
        return new Part(offset[0], count[0]);
    }

    /** Clips, steps, and zeroes the gradients; returns the global gradient norm before clipping. Ranks step together, with the sum of their gradients. */
    public double step(AdamW adamw) {
        ensureOpen();
        double[] norm = new double[1];
        try (apo_adamw a = adamw.toNative()) {
            Native.check(error -> MetaapoC.apo_trainer_step(handle, a, norm, error));
        }
        return norm[0];
    }

    /**
     * Says that so many optimizer steps have been done, for a trainer that goes on where another ended; {@link #step} says it after
     * each. An adapter's dropout depends on it.
     */
    public void setStep(long step) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_trainer_set_step(handle, step, error));
    }

    /** Forgets the gradients, as after a failed call. */
    public void zeroGradients() {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_trainer_zero_gradients(handle, error));
    }

    /** Reads elements of a tensor's state, from {@code offset} on, into the remaining floats of a direct buffer. */
    public void read(State state, TensorInfo tensor, long offset, FloatBuffer buffer) {
        ensureOpen();
        requireDirect(buffer);
        long count = buffer.remaining();
        try (FloatPointer pointer = new FloatPointer(buffer)) {
            Native.check(error -> MetaapoC.apo_trainer_read(
                    handle, state.ordinal(), tensor.index(), offset, count, pointer, error));
        }
    }

    /** Writes elements of a tensor's state, from {@code offset} on, from the remaining floats of a direct buffer. */
    public void write(State state, TensorInfo tensor, long offset, FloatBuffer buffer) {
        ensureOpen();
        requireDirect(buffer);
        long count = buffer.remaining();
        try (FloatPointer pointer = new FloatPointer(buffer)) {
            Native.check(error -> MetaapoC.apo_trainer_write(
                    handle, state.ordinal(), tensor.index(), offset, count, pointer, error));
        }
    }

    /** Bytes of a packed moment: codes, then scales, of all tensors; 0 where moments are f32. */
    public long packedBytes(State moment) {
        ensureOpen();
        long[] bytes = new long[1];
        Native.check(error -> MetaapoC.apo_trainer_packed_bytes(handle, moment.ordinal(), bytes, error));
        return bytes[0];
    }

    /**
     * Blocks of packed moments that this rank keeps: {@code count} of them from number {@code first} on, which stand from block {@code at} on.
     * Numbers are the same for every number of ranks but one.
     */
    public record PackedPart(long first, long count, long at) {}

    /** The parts of packed moments; none of one rank's, and where they are f32. */
    public List<PackedPart> packedParts() {
        ensureOpen();
        int[] count = new int[1];
        Native.check(error -> MetaapoC.apo_trainer_packed_parts(handle, count, error));
        List<PackedPart> parts = new ArrayList<>();
        try (apo_packed_part part = new apo_packed_part()) {
            for (int i = 0; i < count[0]; i++) {
                int index = i;
                Native.check(error -> MetaapoC.apo_trainer_packed_part(handle, index, part, error));
                parts.add(new PackedPart(part.first(), part.count(), part.at()));
            }
        }
        return parts;
    }

    /** Reads a packed moment, from byte {@code offset} on, into the remaining bytes of a direct buffer. */
    public void readPacked(State moment, long offset, ByteBuffer buffer) {
        ensureOpen();
        requireDirect(buffer);
        long bytes = buffer.remaining();
        try (BytePointer pointer = new BytePointer(buffer)) {
            Native.check(error ->
                    MetaapoC.apo_trainer_read_packed(handle, moment.ordinal(), offset, bytes, pointer, error));
        }
    }

    /** Writes a packed moment, from byte {@code offset} on, from the remaining bytes of a direct buffer. */
    public void writePacked(State moment, long offset, ByteBuffer buffer) {
        ensureOpen();
        requireDirect(buffer);
        long bytes = buffer.remaining();
        try (BytePointer pointer = new BytePointer(buffer)) {
            Native.check(error ->
                    MetaapoC.apo_trainer_write_packed(handle, moment.ordinal(), offset, bytes, pointer, error));
        }
    }

    private static void requireDirect(Buffer buffer) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("the buffer is on the heap; expected a direct one");
        }
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_trainer_close(handle, error));
    }
}
