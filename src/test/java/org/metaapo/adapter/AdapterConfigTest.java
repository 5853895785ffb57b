package org.metaapo.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;

/** Which weights an adapter's configuration means, beside what PEFT made of the same (src/test/python/make_adapter_golden.py). */
class AdapterConfigTest {
    private static final ModelConfig BASE = ModelFolder.readConfig(Fixtures.path("tiny-llama"));
    private static final JsonNode GOLDEN = golden();

    private static JsonNode golden() {
        try (var stream = AdapterConfigTest.class.getResourceAsStream("/adapters/golden.json")) {
            return Json.parse(new String(stream.readAllBytes(), StandardCharsets.UTF_8), "golden.json");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<String> cases() {
        return GOLDEN.propertyStream().map(Map.Entry::getKey);
    }

    private static AdapterConfig read(JsonNode json) {
        return AdapterConfigReader.read(Path.of("adapter_config.json"), json);
    }

    private static ObjectNode plain() {
        return GOLDEN.get("all").get("config").deepCopy();
    }

    private static Map<String, AdapterShape.LowRank> modules(AdapterShape shape) {
        Map<String, AdapterShape.LowRank> modules = new TreeMap<>();
        for (int layer = 0; layer < BASE.layers(); layer++) {
            String prefix = "model.layers." + layer + ".";
            shape.layers().get(layer).forEach((projection, path) -> modules.put(prefix + projection.module(), path));
        }
        return modules;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void adaptsWhatPeftAdapts(String name) {
        JsonNode golden = GOLDEN.get(name);
        Map<String, AdapterShape.LowRank> modules = modules(read(golden.get("config")).shape(BASE, 0));
        assertThat(modules.keySet()).containsExactlyInAnyOrderElementsOf(golden.get("modules").propertyStream().map(Map.Entry::getKey).toList());
        modules.forEach((module, path) -> {
            assertThat(path.rank()).as(module).isEqualTo(golden.get("modules").get(module).get(0).asInt());
            assertThat(path.scale()).as(module).isEqualTo(golden.get("modules").get(module).get(1).asDouble(), within(1e-12));
        });
    }

    @Test
    void aRewardAdapterHasAScoreHead() {
        assertThat(AdapterTensors.of(read(GOLDEN.get("reward").get("config")).shape(BASE, 0), BASE)).containsKey("score.weight");
        assertThat(read(plain()).head()).isEqualTo(Head.LM);
    }

    @ParameterizedTest
    @CsvSource({
        "use_dora, true", "lora_bias, true", "fan_in_fan_out, true", "use_qalora, true", "ensure_weight_tying, true",
        "'layer_replication', '[[0, 1]]'", "target_parameters, '[\"a\"]'", "trainable_token_indices, '[1]'",
        "alora_invocation_tokens, '[1, 2]'", "use_bdlora, '{\"nblocks\": 2}'", "megatron_config, '{\"a\": 1}'", "velora_config, '{\"a\": 1}'",
        "kasa_config, '{\"a\": 1}'", "monteclora_config, '{\"a\": 1}'", "arrow_config, '{\"a\": 1}'", "a_field_of_tomorrow, 3", "bias, '\"all\"'",
        "peft_type, '\"IA3\"'", "init_lora_weights, '\"pissa\"'", "init_lora_weights, '\"pissa_niter_4\"'", "init_lora_weights, '\"olora\"'",
        "init_lora_weights, '\"corda\"'", "init_lora_weights, '\"lora_ga\"'", "init_lora_weights, '\"loftq\"'", "init_lora_weights, '\"mica\"'",
        "modules_to_save, '[\"lm_head\"]'", "modules_to_save, '[\"embed_tokens\"]'", "target_modules, '[\"lm_head\"]'",
        "target_modules, '[\"model.embed_tokens\"]'", "target_modules, null", "target_modules, '[]'", "r, 0", "r, -4", "r, 2.5", "lora_dropout, 1",
        "lora_dropout, -0.1", "lora_alpha, '\"8\"'", "rank_pattern, '{\"q_proj\": 0}'", "alpha_pattern, '{\"q_proj\": \"a\"}'", "use_rslora, 1",
        "layers_to_transform, '[-1]'", "layers_to_transform, '\"all\"'"
    })
    void whatIsNotComputedIsRefusedByName(String field, String value) {
        ObjectNode json = plain();
        json.set(field, Json.parse(value, "value"));
        assertThatThrownBy(() -> read(json)).isInstanceOf(DataException.class).hasMessageStartingWith("adapter_config.json: " + field);
    }

    @ParameterizedTest
    @ValueSource(strings = {"eva", "orthogonal"})
    void aStartThatTheFileHoldsWholeLoads(String init) {
        ObjectNode json = plain().put("init_lora_weights", init);
        json.putObject("eva_config").put("rho", 2.0).put("tau", 0.99);
        assertThat(AdapterTensors.of(read(json).shape(BASE, 0), BASE)).hasSize(42);
    }

    @Test
    void unknownFieldsThatSayNothingAreFine() {
        ObjectNode json = plain().put("a_field_of_tomorrow", false).putNull("another");
        json.putObject("a_third");
        assertThat(modules(read(json).shape(BASE, 0))).hasSize(21);
    }

    @Test
    void nothingIsExcludedByAnEmptyList() {
        ObjectNode json = plain();
        json.putArray("exclude_modules");
        assertThat(modules(read(json).shape(BASE, 0))).hasSize(21);
        assertThat(modules(read(json.put("exclude_modules", "")).shape(BASE, 0))).hasSize(21);
    }

    @Test
    void refusesWhatFitsNothing() {
        ObjectNode json = plain();
        json.putArray("target_modules").add("c_attn");
        assertThatThrownBy(() -> read(json).shape(BASE, 0)).hasMessageContaining("c_attn").hasMessageContaining("q_proj");
        ObjectNode beyond = plain().put("r", 65);
        assertThatThrownBy(() -> read(beyond).shape(BASE, 0)).hasMessageContaining("rank 65").hasMessageContaining("64");
        ObjectNode broken = plain().put("target_modules", "(q_proj");
        assertThatThrownBy(() -> read(broken).shape(BASE, 0)).hasMessageContaining("(q_proj").hasMessageContaining("not a regular expression");
    }

    @Test
    void anExpressionThatTakesForEverIsRefused() {
        ObjectNode json = plain().put("target_modules", "((.*)*)*x");
        assertThatThrownBy(() -> read(json).shape(BASE, 0)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("takes too long");
    }
}
