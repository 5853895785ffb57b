package org.metaapo.model;

import org.metaapo.engine.Head;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The model families, with the defaults that transformers gives to keys absent from {@code config.json}. */
enum ModelFamily {
    LLAMA("Llama", 32000, 11008, 32, 2048, false),
    MISTRAL("Mistral", 32000, 14336, 8, 131072, false),
    QWEN2("Qwen2", 151936, 22016, 32, 32768, true),
    QWEN3("Qwen3", 151936, 22016, 32, 32768, false);

    private final String classPrefix;
    private final int vocabSize;
    private final int intermediateSize;
    private final int kvHeads;
    private final int maxPositions;
    private final boolean alwaysQkvBias;

    ModelFamily(
            String classPrefix,
            int vocabSize,
            int intermediateSize,
            int kvHeads,
            int maxPositions,
            boolean alwaysQkvBias) {
        this.classPrefix = classPrefix;
        this.vocabSize = vocabSize;
        this.intermediateSize = intermediateSize;
        this.kvHeads = kvHeads;
        this.maxPositions = maxPositions;
        this.alwaysQkvBias = alwaysQkvBias;
    }

    static Optional<ModelFamily> ofModelType(String modelType) {
        return Arrays.stream(values()).filter(f -> f.modelType().equals(modelType)).findFirst();
    }

    static String modelTypes() {
        return Arrays.stream(values()).map(ModelFamily::modelType).collect(Collectors.joining(", "));
    }

    String modelType() {
        return name().toLowerCase(Locale.ROOT);
    }

    String architecture(Head head) {
        return classPrefix + (head == Head.LM ? "ForCausalLM" : "ForSequenceClassification");
    }

    int defaultVocabSize() {
        return vocabSize;
    }

    int defaultIntermediateSize() {
        return intermediateSize;
    }

    /** Llama's absent key means as many as query heads. */
    int defaultKvHeads(int heads) {
        return this == LLAMA ? heads : kvHeads;
    }

    int defaultMaxPositions() {
        return maxPositions;
    }

    int defaultHeadDim(int hiddenSize, int heads) {
        return this == QWEN3 ? 128 : hiddenSize / heads;
    }

    int defaultBosTokenId() {
        return this == LLAMA || this == MISTRAL ? 1 : -1;
    }

    int defaultEosTokenId() {
        return this == LLAMA || this == MISTRAL ? 2 : -1;
    }

    /** Whether q, k and v have biases whatever the file says. */
    boolean alwaysQkvBias() {
        return alwaysQkvBias;
    }

    /** Whether the key {@code attention_bias} is looked at; it stands for q, k, v and the output projection. */
    boolean readsAttentionBias() {
        return this == LLAMA || this == QWEN3;
    }

    boolean readsMlpBias() {
        return this == LLAMA;
    }

    boolean hasQkNorm() {
        return this == QWEN3;
    }
}
