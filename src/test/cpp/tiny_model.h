// A small random model on a backend, for tests through the C API.
#pragma once

#include "backends.h"
#include "engine/engine.h"
#include "metaapo.h"
#include "test.h"

namespace apo_test {

inline apo_model_config tiny() {
    apo_model_config c{};
    c.vocab_size = 29, c.hidden_size = 24, c.intermediate_size = 40, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 8;
    c.max_positions = 64, c.qk_norm = 1, c.qkv_bias = 1, c.output_bias = 1, c.mlp_bias = 1, c.rms_norm_eps = 1e-5, c.rope_theta = 1000;
    return c;
}

// An engine with a random model.
struct World {
    explicit World(const Backend& backend, apo_model_config config = tiny(), int32_t dtype = APO_F32, int32_t quantize = APO_QUANTIZE_NONE) : config_(config) {
        engine = new apo_engine(*backend.ops, backend.open);
        const apo_model_options options{dtype, 0, quantize, 0};
        CHECK(apo_model_create(engine, &config_, &options, &model, &error) == APO_OK);
        CHECK(apo_model_initialize(model, 1, 0.3, &error) == APO_OK);
    }
    ~World() {
        CHECK(apo_model_close(model, &error) == APO_OK);
        CHECK(apo_engine_close(engine, &error) == APO_OK);
    }
    apo_model_config config_;
    apo_engine* engine = nullptr;
    apo_model* model = nullptr;
    apo_error error{};
};

}  // namespace apo_test
