package org.metaapo.engine;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_adapter;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_scorer;

/** Log-probs or values of packed answers, forward only. */
public final class Scorer extends NativeHandle {
    private final apo_scorer handle = new apo_scorer(null);

    private final boolean isValues;

    /** @param adapterHandle null for the model alone */
    Scorer(NativeHandle parent, apo_model modelHandle, apo_adapter adapterHandle, Head head, long maxTokens) {
        super(parent);
        this.isValues = head == Head.VALUE;
        Native.check(error -> MetaapoC.apo_scorer_create(modelHandle, adapterHandle, maxTokens, handle, error));
        register();
    }

    /**
     * Log-probs of the answers.
     *
     * @param sums one for each answer, natural logarithm, summed in f64
     * @param tokens one array for each answer: log p of each token given all before it
     */
    public record LogProbs(double[] sums, float[][] tokens) {}

    /** The log-prob sum of each answer. A pack must fit the scorer's tokens; a batch may have more. */
    public double[] logprobs(TokenBatch batch) {
        return logprobs(batch, null);
    }

    /** As {@link #logprobs(TokenBatch)}, watched and cancelled through {@code progress}. */
    public double[] logprobs(TokenBatch batch, Progress progress) {
        ensureOpen();
        try (DoublePointer sums = new DoublePointer(batch.answers())) {
            Native.check(error -> MetaapoC.apo_scorer_logprobs(
                    handle, batch.handle(), (FloatPointer) null, sums, Progress.handle(progress), error));
            return Native.array(sums, batch.answers());
        }
    }

    /** Sums and single tokens. */
    public LogProbs tokenLogprobs(TokenBatch batch) {
        ensureOpen();
        try (DoublePointer sums = new DoublePointer(batch.answers());
                FloatPointer tokens = new FloatPointer(batch.answerTokens())) {
            Native.check(error -> MetaapoC.apo_scorer_logprobs(handle, batch.handle(), tokens, sums, null, error));
            return new LogProbs(Native.array(sums, batch.answers()), batch.split(tokens));
        }
    }

    /** The value head's score of each answer, read at its last token. */
    public double[] values(TokenBatch batch) {
        return values(batch, null);
    }

    /** As {@link #values(TokenBatch)}, watched and cancelled through {@code progress}. */
    public double[] values(TokenBatch batch, Progress progress) {
        ensureOpen();
        try (DoublePointer scores = new DoublePointer(batch.answers())) {
            Native.check(error ->
                    MetaapoC.apo_scorer_values(handle, batch.handle(), scores, Progress.handle(progress), error));
            return Native.array(scores, batch.answers());
        }
    }

    /** In place of a call, on a rank that has no answers while others have, where the weights are shared out. */
    public void idle() {
        try (TokenBatch none = TokenBatch.none()) {
            if (isValues) {
                values(none);
            } else {
                logprobs(none);
            }
        }
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_scorer_close(handle, error));
    }
}
