package org.metaapo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** No model and no key is taken for what the engine computes where transformers computes something else. */
class ServedModelsTest {
    private static ModelConfig read(String json) {
        return ConfigReader.read(Path.of("m/config.json"), Json.parse(json, "m/config.json"));
    }

    private static void refused(String json, String message) {
        assertThatThrownBy(() -> read(json))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("m/config.json: ")
                .hasMessageContaining(message)
                .satisfies(error -> assertThat(error.getMessage()).doesNotContain("\n"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
            gemma|a decoder that computes otherwise
            gemma2|a decoder that computes otherwise
            gemma3_text|a decoder that computes otherwise
            phi|a decoder that computes otherwise
            phi3|a decoder that computes otherwise
            gpt2|a decoder that computes otherwise
            gpt_neo|a decoder that computes otherwise
            gpt_neox|a decoder that computes otherwise
            gptj|a decoder that computes otherwise
            falcon|a decoder that computes otherwise
            mpt|a decoder that computes otherwise
            bloom|a decoder that computes otherwise
            opt|a decoder that computes otherwise
            cohere|a decoder that computes otherwise
            cohere2|a decoder that computes otherwise
            stablelm|a decoder that computes otherwise
            starcoder2|a decoder that computes otherwise
            olmo|a decoder that computes otherwise
            olmo2|a decoder that computes otherwise
            granite|a decoder that computes otherwise
            internlm2|a decoder that computes otherwise
            chatglm|a decoder that computes otherwise
            smollm3|a decoder that computes otherwise
            ministral|a decoder that computes otherwise
            mixtral|a mixture of experts
            qwen2_moe|a mixture of experts
            qwen3_moe|a mixture of experts
            deepseek_v2|a mixture of experts
            deepseek_v3|a mixture of experts
            gpt_oss|a mixture of experts
            llama4|a mixture of experts
            mamba|a recurrent or state-space model
            rwkv|a recurrent or state-space model
            jamba|a recurrent or state-space model
            bert|an encoder
            roberta|an encoder
            t5|an encoder with a decoder
            bart|an encoder with a decoder
            llava|a model of text with images or sound
            mllama|a model of text with images or sound
            qwen2_vl|a model of text with images or sound
            qwen2_5_vl|a model of text with images or sound
            gemma3|a model of text with images or sound
            mistral3|a model of text with images or sound
            """)
    void anotherModelIsNamedWithWhatItIsAndWhatIsServed(String modelType, String kind) {
        refused("{\"model_type\":\"" + modelType + "\"}",
                "model_type: expected one of llama, mistral, qwen2, qwen3, found \"" + modelType + "\" (" + kind);
    }

    @ParameterizedTest
    @ValueSource(strings = {"something_new", "Llama", ""})
    void anUnknownModelIsNamed(String modelType) {
        refused("{\"model_type\":\"" + modelType + "\"}", "model_type: expected one of llama, mistral, qwen2, qwen3, found \"" + modelType + "\"");
    }

    /** What each family's class of transformers reads, set to what the engine does not compute. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            llama mistral qwen2 qwen3|"hidden_act":"gelu"|hidden_act: expected "silu", the only activation supported, found text "gelu"
            llama mistral qwen2 qwen3|"hidden_act":"relu2"|hidden_act
            llama mistral qwen2 qwen3|"rope_scaling":{"rope_type":"yarn","factor":4}|rope_scaling.rope_type: expected one of default, linear, llama3, found text "yarn"
            llama mistral qwen2 qwen3|"rope_scaling":{"type":"dynamic","factor":4}|rope_scaling.type
            llama mistral qwen2 qwen3|"rope_scaling":{"type":"mrope","mrope_section":[2,3,3]}|rope_scaling.type
            llama mistral qwen2 qwen3|"rope_scaling":{"type":"linear"}|rope_scaling.factor: expected a number, found nothing
            llama mistral qwen2 qwen3|"rope_scaling":"linear"|rope_scaling
            llama mistral qwen2 qwen3|"rope_parameters":{"rope_type":"longrope","rope_theta":1e4}|rope_parameters.rope_type
            llama mistral qwen2 qwen3|"rope_parameters":{"rope_type":"proportional","rope_theta":1e4}|rope_parameters.rope_type
            llama mistral qwen2 qwen3|"rope_parameters":{"full_attention":{}}|one set of parameters
            llama mistral qwen2 qwen3|"rope_parameters":{"rope_theta":1e4,"partial_rotary_factor":0.5}|rope_parameters.partial_rotary_factor
            llama mistral qwen2 qwen3|"partial_rotary_factor":0.5|partial_rotary_factor: expected 1
            llama mistral qwen2 qwen3|"rope_theta":null|rope_theta: expected a number, found null
            llama mistral qwen2 qwen3|"rope_theta":1e4,"rope_parameters":{"rope_theta":5e5}|rope_parameters.rope_theta: expected rope_theta beside rope_parameters, 10000.0
            llama mistral qwen2 qwen3|"rope_scaling":{"type":"linear","rope_type":"default","factor":2}|rope_scaling.type: expected rope_type, "default"
            llama mistral qwen2 qwen3|"original_max_position_embeddings":64,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":128}|original_max_position_embeddings
            llama mistral qwen2 qwen3|"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4}|rope_scaling.high_freq_factor
            llama mistral qwen2 qwen3|"attention_dropout":0.1|attention_dropout: expected 0, for training has no dropout, found number 0.1
            llama mistral qwen2 qwen3|"is_causal":false|is_causal: expected true
            llama mistral qwen2 qwen3|"is_encoder_decoder":true|is_encoder_decoder
            llama mistral qwen2 qwen3|"per_layer_config":{"1":{"num_key_value_heads":1}}|per_layer_config: expected null or nothing, for settings by layer is not supported
            llama mistral qwen2 qwen3|"attention_chunk_size":16|attention_chunk_size
            llama mistral qwen2 qwen3|"pruned_heads":{"0":[1]}|pruned_heads
            llama mistral qwen2 qwen3|"text_config":{"hidden_size":8}|text_config
            llama mistral qwen2 qwen3|"decoder":{"hidden_size":8}|decoder
            llama mistral qwen2 qwen3|"generator":{"hidden_size":8}|generator
            llama mistral qwen2 qwen3|"text_encoder":{"hidden_size":8}|text_encoder
            llama mistral qwen2 qwen3|"num_kv_shared_layers":1|num_kv_shared_layers
            llama mistral qwen2 qwen3|"kv_sharing_modes":["store","reuse"]|kv_sharing_modes
            llama mistral qwen2 qwen3|"transformers_weights":"other.safetensors"|transformers_weights
            llama mistral qwen2 qwen3|"quantization_config":{"bits":4}|quantised
            llama mistral qwen2 qwen3|"num_local_experts":8|mixtures of experts
            llama mistral qwen2 qwen3|"num_experts":8|mixtures of experts
            llama mistral qwen2 qwen3|"rms_norm_eps":-1|rms_norm_eps
            llama mistral qwen2 qwen3|"pad_token_id":-65|pad_token_id: expected an integer from -64
            llama mistral qwen2 qwen3|"head_dim":7|head_dim: expected an even number
            mistral qwen2 qwen3|"use_sliding_window":true,"sliding_window":0|sliding_window: expected an integer from 1
            mistral qwen2 qwen3|"use_sliding_window":true,"layer_types":["full_attention"]|layer_types: expected a list of 2
            llama mistral qwen2 qwen3|"layer_types":["chunked_attention","full_attention"]|layer_types: expected full_attention or sliding_attention
            llama mistral qwen2 qwen3|"layer_types":["linear_attention","full_attention"]|layer_types
            qwen2 qwen3|"layer_types":["sliding_attention","full_attention"]|layer_types: expected full_attention in all layers where use_sliding_window is false
            qwen2 qwen3|"use_sliding_window":true,"sliding_window":null,"layer_types":["sliding_attention","full_attention"]|where sliding_window is null
            mistral|"sliding_window":null,"layer_types":["sliding_attention","full_attention"]|where sliding_window is null
            llama|"sliding_window":16|sliding_window: expected null or nothing, for a llama attends to all tokens
            llama|"layer_types":["sliding_attention","full_attention"]|layer_types: expected full_attention in all layers
            """)
    void aKeyWithAValueThatIsNotComputedIsRefused(String modelTypes, String key, String message) {
        for (String modelType : modelTypes.split(" ")) {
            refused(config(modelType, key), message);
        }
    }

    /** A small model's configuration with keys besides, which win. */
    private static String config(String modelType, String keys) {
        ObjectNode json = (ObjectNode) Json.parse(
                """
                {"vocab_size": 64, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "num_hidden_layers": 2, "max_position_embeddings": 128}
                """, "m");
        json.put("model_type", modelType).setAll((ObjectNode) Json.parse("{" + keys + "}", "m"));
        return json.toString();
    }

    /** What each family's class of transformers reads, set to another value than its default, changes the model. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            llama mistral qwen2 qwen3|"vocab_size":65
            llama mistral qwen2 qwen3|"hidden_size":64
            llama mistral qwen2 qwen3|"intermediate_size":56
            llama mistral qwen2 qwen3|"num_hidden_layers":3
            llama mistral qwen2 qwen3|"num_attention_heads":8
            llama mistral qwen2 qwen3|"num_key_value_heads":1
            llama mistral qwen2 qwen3|"head_dim":12
            llama mistral qwen2 qwen3|"max_position_embeddings":64
            llama mistral qwen2 qwen3|"initializer_range":0.1
            llama mistral qwen2 qwen3|"rms_norm_eps":1e-5
            llama mistral qwen2 qwen3|"tie_word_embeddings":true
            llama mistral qwen2 qwen3|"pad_token_id":5
            llama mistral qwen2 qwen3|"eos_token_id":5
            llama mistral qwen2 qwen3|"bos_token_id":5
            llama mistral qwen2 qwen3|"rope_theta":5e5
            llama mistral qwen2 qwen3|"rope_parameters":{"rope_theta":5e5}
            llama mistral qwen2 qwen3|"rope_scaling":{"rope_type":"linear","factor":2}
            llama mistral qwen2 qwen3|"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}
            llama mistral qwen2 qwen3|"architectures":["*ForSequenceClassification"]
            llama qwen3|"attention_bias":true
            llama|"mlp_bias":true
            mistral|"sliding_window":16
            mistral|"sliding_window":16,"layer_types":["full_attention","sliding_attention"]
            qwen2 qwen3|"use_sliding_window":true,"sliding_window":16,"max_window_layers":1
            qwen2 qwen3|"use_sliding_window":true,"sliding_window":16,"layer_types":["full_attention","sliding_attention"]
            """)
    void aKeyWithAValueThatIsComputedChangesTheModel(String modelTypes, String key) {
        for (String modelType : modelTypes.split(" ")) {
            String prefix = ModelFamily.ofModelType(modelType).orElseThrow().architecture(Head.LM).replace("ForCausalLM", "");
            assertThat(read(config(modelType, key.replace("*", prefix)))).as(modelType).isNotEqualTo(read(config(modelType, "")));
        }
    }

    /** Two names of one function, and a scaling by 1. */
    @ParameterizedTest
    @ValueSource(strings = {"\"hidden_act\":\"swish\"", "\"partial_rotary_factor\":1.0", "\"attention_dropout\":0", "\"pruned_heads\":{}",
            "\"per_layer_config\":{}", "\"is_causal\":true", "\"use_cache\":false", "\"pretraining_tp\":4", "\"rope_scaling\":null"})
    void whatChangesNothingIsRead(String key) {
        assertThat(read(config("llama", key))).isEqualTo(read(config("llama", "")));
    }
}
