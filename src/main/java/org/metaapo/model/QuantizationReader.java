package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DataException;

/** Reads {@code quantization_config} of {@code config.json}: how bitsandbytes has packed a folder's projections. */
final class QuantizationReader {
    private static final String EXPECTED = "; expected bitsandbytes' nf4 or int8, or weights in F32, F16 or BF16";

    /** Modules beside the projections, which bitsandbytes leaves in 16 bits. */
    private static final List<String> BESIDE = List.of("lm_head", "score", "classifier", "embed_tokens", "model.embed_tokens", "norm", "model.norm");

    private QuantizationReader() {}

    static Quantization read(JsonFields json) {
        if (json.has("compression_config")) {
            throw refused(json, "compression_config", "");
        }
        if (!json.has("quantization_config")) {
            return Quantization.NONE;
        }
        JsonFields config = json.object("quantization_config");
        String method = config.text("quant_method", "none named");
        if (!method.equals("bitsandbytes")) {
            throw refused(json, "quantization_config", " by " + method);
        }
        for (JsonNode module : config.get("llm_int8_skip_modules")) {
            if (!BESIDE.contains(module.asText())) {
                throw config.wrong("llm_int8_skip_modules", "none but " + String.join(", ", BESIDE) + ", for either all projections of the layers are packed or none");
            }
        }
        boolean eight = config.flag("load_in_8bit", false);
        if (eight == config.flag("load_in_4bit", false)) {
            throw config.wrong("load_in_4bit", "either load_in_4bit or load_in_8bit to be true");
        }
        if (eight) {
            if (config.flag("llm_int8_has_fp16_weight", false)) {
                throw config.wrong("llm_int8_has_fp16_weight", "false, for int8 weights are stored");
            }
            return Quantization.INT8;
        }
        String kind = config.text("bnb_4bit_quant_type", "fp4");
        if (!kind.equals("nf4")) {
            throw refused(json, "quantization_config", " as " + kind);
        }
        if (!config.text("bnb_4bit_quant_storage", "uint8").equals("uint8")) {
            throw config.wrong("bnb_4bit_quant_storage", "\"uint8\", two weights a byte");
        }
        return config.flag("bnb_4bit_use_double_quant", false) ? Quantization.NF4 : Quantization.NF4_F32;
    }

    private static DataException refused(JsonFields json, String key, String how) {
        return new DataException(json.file() + ": " + key + ": weights quantised" + how + " are not supported" + EXPECTED);
    }
}
