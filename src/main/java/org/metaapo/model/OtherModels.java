package org.metaapo.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Well-known models that are not served, by transformers' {@code model_type}, and what they are. */
final class OtherModels {
    private static final Map<String, String> KINDS = new HashMap<>();

    static {
        put("a decoder that computes otherwise (norms, activation, attention or positions)", List.of(
                "apertus", "arcee", "baichuan", "bloom", "chatglm", "codegen", "cohere", "cohere2", "exaone", "exaone4", "falcon",
                "gemma", "gemma2", "gemma3_text", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "granite",
                "hunyuan_v1_dense", "internlm2", "internlm3", "minicpm", "minicpm3", "ministral", "ministral3", "mpt", "nemotron",
                "olmo", "olmo2", "olmo3", "opt", "persimmon", "phi", "phi3", "qwen", "seed_oss", "smollm3", "stablelm", "starcoder2",
                "xglm"));
        put("a mixture of experts", List.of(
                "dbrx", "deepseek_v2", "deepseek_v3", "deepseek_v32", "ernie4_5_moe", "glm4_moe", "gpt_oss", "granitemoe",
                "hunyuan_v1_moe", "llama4", "llama4_text", "minimax", "mixtral", "olmoe", "phimoe", "qwen2_moe", "qwen3_moe",
                "qwen3_next"));
        put("a recurrent or state-space model", List.of(
                "bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "lfm2", "mamba", "mamba2", "nemotron_h",
                "recurrent_gemma", "rwkv", "zamba", "zamba2"));
        put("an encoder", List.of(
                "albert", "bert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "roberta", "xlm-roberta"));
        put("an encoder with a decoder", List.of(
                "bart", "led", "m2m_100", "marian", "mbart", "mt5", "pegasus", "t5", "t5gemma", "umt5", "whisper"));
        put("a model of text with images or sound", List.of(
                "aya_vision", "chameleon", "gemma3", "gemma3n", "idefics2", "idefics3", "internvl", "internvl_chat", "llava",
                "llava_next", "llava_onevision", "minicpmv", "mistral3", "mllama", "paligemma", "phi3_v", "phi4_multimodal", "pixtral",
                "qwen2_5_omni", "qwen2_5_vl", "qwen2_audio", "qwen2_vl", "qwen3_vl", "qwen3_vl_moe", "smolvlm"));
    }

    private OtherModels() {}

    private static void put(String kind, List<String> modelTypes) {
        modelTypes.forEach(type -> KINDS.put(type, kind));
    }

    /** What a model type is, in words that follow its name: {@code "bert" (an encoder)}, or the name alone. */
    static String described(String modelType) {
        String kind = KINDS.get(modelType);
        return "\"" + modelType + "\"" + (kind == null ? "" : " (" + kind + ")");
    }
}
