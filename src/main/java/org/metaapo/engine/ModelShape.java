package org.metaapo.engine;

import java.util.List;
import java.util.OptionalInt;
import org.bytedeco.javacpp.IntPointer;
import org.metaapo.engine.internal.apo_model_config;

/**
 * Shape of a decoder-only transformer (Llama, Mistral, Qwen2, Qwen3), as {@code apo_model_config} of {@code metaapo.h}.
 *
 * @param vocabSize V
 * @param hiddenSize C
 * @param intermediateSize F
 * @param layers L
 * @param heads H query heads
 * @param kvHeads G key/value heads, a divisor of H
 * @param headDim D, even
 * @param maxPositions longest prompt and answer, in tokens
 * @param paddingId id whose embedding gets no gradient and past which a value head reads; a negative one counts from the
 *     vocabulary's end, and no token is it
 * @param windows tokens that a query of each layer sees, itself included, 0 for all; empty where all layers see all
 * @param head what stands on top
 * @param tiedHead whether the LM head is the embedding table
 * @param qkvBias biases on the q, k, v projections (Qwen2)
 * @param outputBias a bias on the o projection
 * @param mlpBias biases on gate, up and down
 * @param qkNorm RMSNorm over each head of q and k before RoPE (Qwen3)
 * @param rope rotary scaling
 * @param rmsNormEps added to the mean square
 * @param ropeTheta base of the rotary frequencies
 * @param ropeFactor linear and llama3 scaling
 * @param ropeLowFreqFactor llama3 scaling
 * @param ropeHighFreqFactor llama3 scaling
 * @param ropeOriginalMaxPositions llama3 scaling, tokens
 */
public record ModelShape(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int maxPositions,
        OptionalInt paddingId,
        List<Integer> windows,
        Head head,
        boolean tiedHead,
        boolean qkvBias,
        boolean outputBias,
        boolean mlpBias,
        boolean qkNorm,
        Rope rope,
        double rmsNormEps,
        double ropeTheta,
        double ropeFactor,
        double ropeLowFreqFactor,
        double ropeHighFreqFactor,
        double ropeOriginalMaxPositions) {

    /** Rotary scalings, by transformers' names. */
    public enum Rope {
        /** None. */
        DEFAULT,
        /** All frequencies divided by the factor. */
        LINEAR,
        /** Llama 3.1's: low frequencies divided, high ones kept, those between interpolated. */
        LLAMA3
    }

    /** Copies the list. */
    public ModelShape {
        windows = List.copyOf(windows);
    }

    /** The windows off the heap, null where there are none. */
    IntPointer windowsOf() {
        return windows.isEmpty() ? null : new IntPointer(windows.stream().mapToInt(Integer::intValue).toArray());
    }

    /** The native struct over a pointer that holds the windows and must outlive it; the caller owns both. */
    apo_model_config toNative(IntPointer windowsAt) {
        apo_model_config c = new apo_model_config();
        c.vocab_size(vocabSize).hidden_size(hiddenSize).intermediate_size(intermediateSize).layers(layers);
        c.heads(heads).kv_heads(kvHeads).head_dim(headDim).max_positions(maxPositions);
        c.has_padding(bit(paddingId.isPresent())).padding_id(paddingId.orElse(0)).windows(windowsAt);
        c.head(head.ordinal()).tied_head(bit(tiedHead)).qkv_bias(bit(qkvBias)).output_bias(bit(outputBias));
        c.mlp_bias(bit(mlpBias)).qk_norm(bit(qkNorm)).rope(rope.ordinal());
        c.rms_norm_eps(rmsNormEps).rope_theta(ropeTheta).rope_factor(ropeFactor);
        c.rope_low_freq_factor(ropeLowFreqFactor).rope_high_freq_factor(ropeHighFreqFactor);
        return c.rope_original_max_positions(ropeOriginalMaxPositions);
    }

    private static int bit(boolean value) {
        return value ? 1 : 0;
    }
}
