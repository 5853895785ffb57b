package org.metaapo.model;

import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

class ConfigReaderTest {
    private static ModelConfig read(String json) {
        return ConfigReader.read(Path.of("m/config.json"), Json.parse(json, "m/config.json"));
    }

    /** Defaults as in transformers 5.18's configuration classes. */
    @Test
    void absentKeysHaveTheDefaultsOfTransformers() {
        ModelConfig llama = read("{'model_type': 'llama'}".replace('\'', '"'));
        assertThat(llama)
                .isEqualTo(new ModelConfig(
                        "llama", "LlamaForCausalLM", 32000, 4096, 11008, 32, 32, 32, 128, 1e-6, 0.02,
                        RopeConfig.unscaled(10_000), 2048, false, false, false, false, false, Collections.nCopies(32, 0),
                        Head.LM, OptionalInt.empty(), 1, List.of(2), Quantization.NONE));
        ModelConfig mistral = read("{\"model_type\": \"mistral\"}");
        assertThat(mistral.kvHeads()).isEqualTo(8);
        assertThat(mistral.intermediateSize()).isEqualTo(14336);
        assertThat(mistral.maxPositions()).isEqualTo(131072);
        assertThat(mistral.windows()).isEqualTo(Collections.nCopies(32, 4096));
        ModelConfig qwen3 = read("{\"model_type\": \"qwen3\"}");
        assertThat(qwen3.headDim()).isEqualTo(128);
        assertThat(qwen3.qkNorm()).isTrue();
        assertThat(qwen3.qkvBias()).isFalse();
        assertThat(qwen3.vocabSize()).isEqualTo(151936);
        assertThat(qwen3.eosTokenIds()).isEmpty();
        assertThat(read("{\"model_type\": \"qwen2\"}").qkvBias()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            "model_type":"mistral","sliding_window":null|0 0 0
            "model_type":"mistral","sliding_window":4096,"max_position_embeddings":4096|4096 4096 4096
            "model_type":"mistral","sliding_window":4096,"max_position_embeddings":32768|4096 4096 4096
            "model_type":"mistral","sliding_window":16,"layer_types":["full_attention","sliding_attention","full_attention"]|0 16 0
            "model_type":"mistral","layer_types":["full_attention","full_attention","full_attention"]|0 0 0
            "model_type":"mistral","sliding_window":16,"layer_types":null|16 16 16
            "model_type":"llama","sliding_window":null,"layer_types":["full_attention","full_attention","full_attention"]|0 0 0
            "model_type":"llama","sliding_window":2048|0 0 0
            "model_type":"qwen2","sliding_window":16,"use_sliding_window":false|0 0 0
            "model_type":"qwen2","sliding_window":16,"use_sliding_window":true|0 0 0
            "model_type":"qwen2","sliding_window":16,"use_sliding_window":true,"max_window_layers":3|0 0 0
            "model_type":"qwen2","sliding_window":16,"use_sliding_window":true,"max_window_layers":1|0 16 16
            "model_type":"qwen3","sliding_window":16,"use_sliding_window":true,"max_window_layers":0|16 16 16
            "model_type":"qwen2","sliding_window":null,"use_sliding_window":true,"max_window_layers":1|0 0 0
            "model_type":"qwen2","use_sliding_window":true,"max_window_layers":2|0 0 4096
            "model_type":"qwen2","sliding_window":16,"use_sliding_window":true,"layer_types":["full_attention","full_attention","full_attention"]|0 0 0
            "model_type":"qwen3","sliding_window":16,"use_sliding_window":true,"max_window_layers":2,"layer_types":["sliding_attention","full_attention","sliding_attention"]|16 0 16
            """)
    void theWindowOfEachLayerIsThatOfTransformers(String json, String windows) {
        ModelConfig config = read("{\"num_hidden_layers\":3," + json + "}");
        assertThat(config.windows().stream().map(String::valueOf).collect(Collectors.joining(" "))).isEqualTo(windows);
    }

    @Test
    void ropeIsReadFromBothGenerations() {
        String llama3 = "\"factor\":8,\"low_freq_factor\":1.0,\"high_freq_factor\":4,"
                + "\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"";
        RopeConfig expected = new RopeConfig(RopeConfig.Type.LLAMA3, 5e5, 8, 1, 4, 8192);
        assertThat(read("{\"model_type\":\"llama\",\"rope_theta\":500000.0,\"rope_scaling\":{" + llama3 + "}}")
                        .rope())
                .isEqualTo(expected);
        assertThat(read("{\"model_type\":\"llama\",\"rope_parameters\":{\"rope_theta\":500000.0," + llama3 + "}}")
                        .rope())
                .isEqualTo(expected);
        assertThat(read("{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}")
                        .rope())
                .isEqualTo(new RopeConfig(RopeConfig.Type.LINEAR, 1e4, 2, 0, 0, 0));
    }

    @Test
    void tokenIdsMayBeListsOrNullOrMinusOne() {
        ModelConfig config = read(
                "{\"model_type\":\"llama\",\"eos_token_id\":[5,7,5],\"pad_token_id\":-1,\"bos_token_id\":null}");
        assertThat(config.eosTokenIds()).containsExactly(5, 7);
        assertThat(config.padTokenId()).hasValue(-1);
        assertThat(config.bosTokenId()).isEqualTo(-1);
        assertThat(read("{\"model_type\":\"llama\",\"eos_token_id\":null}").eosTokenIds())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            {}|model_type: expected one of llama, mistral, qwen2, qwen3, found nothing
            {"model_type":7}|model_type: expected text
            {"model_type":"llama","architectures":["LlamaForTokenClassification"]}|architectures: expected LlamaForCausalLM or LlamaForSequenceClassification
            {"model_type":"llama","architectures":["MistralForCausalLM"]}|architectures
            {"model_type":"llama","hidden_size":"64"}|hidden_size: expected an integer from 1
            {"model_type":"llama","hidden_size":64.0}|hidden_size
            {"model_type":"llama","hidden_size":0}|hidden_size
            {"model_type":"llama","hidden_size":99999999999}|hidden_size
            {"model_type":"llama","hidden_size":65}|hidden_size: expected a multiple of num_attention_heads (32)
            {"model_type":"llama","head_dim":7}|head_dim: expected an even number
            {"model_type":"llama","num_key_value_heads":5}|num_key_value_heads: expected a divisor
            {"model_type":"llama","num_key_value_heads":64}|num_key_value_heads
            {"model_type":"llama","tie_word_embeddings":"yes"}|tie_word_embeddings: expected true or false
            {"model_type":"llama","rms_norm_eps":-1}|rms_norm_eps
            {"model_type":"llama","eos_token_id":"</s>"}|eos_token_id: expected a token id
            []|expected an object
            """)
    void whatCannotBeComputedIsAnErrorThatNamesKeyValueAndWhatIsSupported(String json, String message) {
        assertThatThrownBy(() -> read(json))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("m/config.json")
                .hasMessageContaining(message);
    }
}
