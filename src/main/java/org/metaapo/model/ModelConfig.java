package org.metaapo.model;

import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Shape of a decoder-only transformer of the Llama kind, as far as the engine needs it.
 *
 * @param modelType transformers' name of the family: {@code llama}, {@code mistral}, {@code qwen2} or {@code qwen3}
 * @param architecture transformers' class, such as {@code LlamaForCausalLM}
 * @param vocabSize rows of the embedding (V)
 * @param hiddenSize width of the residual stream (C)
 * @param intermediateSize width of the feed-forward part (F)
 * @param layers number of transformer blocks
 * @param heads query heads (H)
 * @param kvHeads key/value heads (G), a divisor of {@code heads}
 * @param headDim head size (D), even; {@code heads * headDim} need not equal {@code hiddenSize}
 * @param rmsNormEps added to the mean square in RMSNorm
 * @param initializerRange standard deviation of a new head's weights
 * @param rope rotary position embedding
 * @param maxPositions longest sequence the model is made for, in tokens
 * @param tiedHead whether the LM head is the embedding matrix
 * @param qkvBias whether the q, k and v projections have biases
 * @param outputBias whether the attention's output projection has a bias
 * @param mlpBias whether the feed-forward projections have biases
 * @param qkNorm whether q and k are RMS-normalised over the head (Qwen3)
 * @param windows tokens that a token of each layer attends to, itself included; 0 for all
 * @param head what stands on top
 * @param padTokenId padding token, whose embedding is not trained and past which a value head reads; a negative one counts from
 *     the vocabulary's end, and no token is it
 * @param bosTokenId token that begins a sequence, or -1
 * @param eosTokenIds tokens that end a sequence, in the order of config.json; may be empty
 * @param quantization how the files have the projections' weights
 */
public record ModelConfig(
        String modelType,
        String architecture,
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        double rmsNormEps,
        double initializerRange,
        RopeConfig rope,
        int maxPositions,
        boolean tiedHead,
        boolean qkvBias,
        boolean outputBias,
        boolean mlpBias,
        boolean qkNorm,
        List<Integer> windows,
        Head head,
        OptionalInt padTokenId,
        int bosTokenId,
        List<Integer> eosTokenIds,
        Quantization quantization) {

    /** Copies the lists. */
    public ModelConfig {
        windows = List.copyOf(windows);
        eosTokenIds = List.copyOf(eosTokenIds);
    }

    /** The same transformer under another head, with the architecture's name changed to fit. */
    public ModelConfig withHead(Head newHead) {
        return with(newHead, tiedHead);
    }

    /** The same with an LM head of its own weights. */
    ModelConfig withOwnHead() {
        return with(head, false);
    }

    private ModelConfig with(Head newHead, boolean newTiedHead) {
        ModelFamily family = ModelFamily.ofModelType(modelType).orElseThrow();
        return new ModelConfig(
                modelType,
                family.architecture(newHead),
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                rmsNormEps,
                initializerRange,
                rope,
                maxPositions,
                newTiedHead,
                qkvBias,
                outputBias,
                mlpBias,
                qkNorm,
                windows,
                newHead,
                padTokenId,
                bosTokenId,
                eosTokenIds,
                quantization);
    }

    /**
     * Every tensor that such a model consists of: Hugging Face name to shape, in the order of the forward pass. Linear
     * weights are (out, in). A tied head has no tensor of its own; a value head is {@code score.weight} (1, C).
     */
    public Map<String, long[]> expectedTensors() {
        Map<String, long[]> tensors = new LinkedHashMap<>();
        tensors.put("model.embed_tokens.weight", shape(vocabSize, hiddenSize));
        for (int layer = 0; layer < layers; layer++) {
            addLayer(tensors, "model.layers." + layer + ".");
        }
        tensors.put("model.norm.weight", shape(hiddenSize));
        if (head == Head.VALUE) {
            tensors.put("score.weight", shape(1, hiddenSize));
        } else if (!tiedHead) {
            tensors.put("lm_head.weight", shape(vocabSize, hiddenSize));
        }
        return Collections.unmodifiableMap(tensors);
    }

    /** Number of parameters: the elements of {@link #expectedTensors()}. */
    public long parameters() {
        long count = 0;
        for (long[] shape : expectedTensors().values()) {
            long elements = 1;
            for (long dimension : shape) {
                elements = Math.multiplyExact(elements, dimension);
            }
            count = Math.addExact(count, elements);
        }
        return count;
    }

    private void addLayer(Map<String, long[]> tensors, String prefix) {
        int queryWidth = heads * headDim;
        int keyWidth = kvHeads * headDim;
        tensors.put(prefix + "input_layernorm.weight", shape(hiddenSize));
        addLinear(tensors, prefix + "self_attn.q_proj", queryWidth, hiddenSize, qkvBias);
        addLinear(tensors, prefix + "self_attn.k_proj", keyWidth, hiddenSize, qkvBias);
        addLinear(tensors, prefix + "self_attn.v_proj", keyWidth, hiddenSize, qkvBias);
        if (qkNorm) {
            tensors.put(prefix + "self_attn.q_norm.weight", shape(headDim));
            tensors.put(prefix + "self_attn.k_norm.weight", shape(headDim));
        }
        addLinear(tensors, prefix + "self_attn.o_proj", hiddenSize, queryWidth, outputBias);
        tensors.put(prefix + "post_attention_layernorm.weight", shape(hiddenSize));
        addLinear(tensors, prefix + "mlp.gate_proj", intermediateSize, hiddenSize, mlpBias);
        addLinear(tensors, prefix + "mlp.up_proj", intermediateSize, hiddenSize, mlpBias);
        addLinear(tensors, prefix + "mlp.down_proj", hiddenSize, intermediateSize, mlpBias);
    }

    private static void addLinear(Map<String, long[]> tensors, String name, int out, int in, boolean bias) {
        tensors.put(name + ".weight", shape(out, in));
        if (bias) {
            tensors.put(name + ".bias", shape(out));
        }
    }

    private static long[] shape(long... dimensions) {
        return dimensions;
    }
}
