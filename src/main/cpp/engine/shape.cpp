#include "shape.h"

#include <algorithm>
#include <cmath>

namespace apo {

namespace {

void in_range(const char* name, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
        fail(APO_E_ARGUMENT, "%s is %lld; expected %lld to %lld", name, (long long)value, (long long)low, (long long)high);
    }
}

void positive(const char* name, double value) {
    if (!(value > 0) || !std::isfinite(value)) fail(APO_E_ARGUMENT, "%s is %g; expected a positive number", name, value);
}

apo_model_config checked(const apo_model_config& c) {
    in_range("vocab_size", c.vocab_size, 2, 1 << 24);
    in_range("hidden_size", c.hidden_size, 1, 1 << 20);
    in_range("intermediate_size", c.intermediate_size, 1, 1 << 20);
    in_range("layers", c.layers, 1, 4096);
    in_range("heads", c.heads, 1, 4096);
    in_range("kv_heads", c.kv_heads, 1, c.heads);
    in_range("head_dim", c.head_dim, 2, 1024);
    in_range("max_positions", c.max_positions, 1, 1 << 24);
    if (c.has_padding) in_range("padding_id", c.padding_id, -int64_t(c.vocab_size), INT32_MAX);
    for (int32_t l = 0; c.windows != nullptr && l < c.layers; l++) {
        if (c.windows[l] < 0 || c.windows[l] > 1 << 24) fail(APO_E_ARGUMENT, "windows[%d] is %d; expected 0 (all) to %d", l, c.windows[l], 1 << 24);
    }
    in_range("head", c.head, APO_HEAD_LM, APO_HEAD_VALUE);
    in_range("rope", c.rope, APO_ROPE_DEFAULT, APO_ROPE_LLAMA3);
    if (c.heads % c.kv_heads != 0) fail(APO_E_ARGUMENT, "kv_heads is %d; expected a divisor of heads, %d", c.kv_heads, c.heads);
    if (c.head_dim % 2 != 0) fail(APO_E_ARGUMENT, "head_dim is %d; expected an even number", c.head_dim);
    positive("rms_norm_eps", c.rms_norm_eps);
    positive("rope_theta", c.rope_theta);
    if (c.rope != APO_ROPE_DEFAULT) positive("rope_factor", c.rope_factor);
    if (c.rope == APO_ROPE_LLAMA3) {
        positive("rope_low_freq_factor", c.rope_low_freq_factor);
        positive("rope_high_freq_factor", c.rope_high_freq_factor);
        positive("rope_original_max_positions", c.rope_original_max_positions);
        if (c.rope_high_freq_factor <= c.rope_low_freq_factor) {
            fail(APO_E_ARGUMENT, "rope_high_freq_factor is %g; expected more than rope_low_freq_factor, %g",
                 c.rope_high_freq_factor, c.rope_low_freq_factor);
        }
    }
    apo_model_config kept = c;
    kept.windows = nullptr;  // the caller's memory
    return kept;
}

}  // namespace

Shape::Shape(const apo_model_config& c, int32_t rank_count)
    : config(checked(c)), C(c.hidden_size), F(c.intermediate_size), V(c.vocab_size), L(c.layers), H(c.heads), G(c.kv_heads),
      D(c.head_dim), qkv_width((H + 2 * G) * D), output_width(H * D), ranks(rank_count) {
    add_windows(c.windows);
    embedding_ = reserve(V * C);
    add("model.embed_tokens.weight", 2, V, C, embedding_);
    end_unit();
    for (int64_t l = 0; l < L; l++) add_layer(l);
    final_norm_ = reserve(C);
    add("model.norm.weight", 1, C, 1, final_norm_);
    if (value_head()) {
        head_ = reserve(C);
        add("score.weight", 2, 1, C, head_);
    } else if (c.tied_head) {
        head_ = embedding_;
    } else {
        head_ = reserve(V * C);
        add("lm_head.weight", 2, V, C, head_);
    }
    end_unit();
}

int64_t Shape::reserve(int64_t count) {
    const int64_t offset = parameters_;
    parameters_ += padded(count);
    return offset;
}

void Shape::end_unit() { parameters_ = units_.add(parameters_, ranks); }

void Shape::add_windows(const int32_t* of_layers) {
    for (int64_t l = 0; l < L; l++) {
        const int32_t window = of_layers == nullptr ? 0 : of_layers[l];
        const auto known = std::find(windows_.begin(), windows_.end(), window);
        layer_windows_.push_back(known - windows_.begin());
        if (known == windows_.end()) windows_.push_back(window);
    }
}

void Shape::add(const std::string& name, int32_t rank, int64_t rows, int64_t columns, int64_t offset) {
    tensors_.push_back({name, rank, {rows, columns}, offset});
}

int64_t Shape::layer_of(int64_t offset) const {
    return offset < layer_begin(0) || offset >= layer_begin(L) ? -1 : (offset - layer_begin(0)) / layer_elements();
}

ProjectionMatrix Shape::projection(int64_t l, int32_t which) const {
    const LayerOffsets& at = layer(l);
    switch (which) {
        case APO_Q: return {at.qkv, H * D, C};
        case APO_K: return {at.qkv + H * D * C, G * D, C};
        case APO_V: return {at.qkv + (H + G) * D * C, G * D, C};
        case APO_O: return {at.output, C, H * D};
        case APO_GATE: return {at.gate_up, F, C};
        case APO_UP: return {at.gate_up + F * C, F, C};
        default: return {at.down, C, F};
    }
}

int64_t Shape::projections_before(int64_t offset) const {
    const int64_t within = layer_of(offset), whole = offset < layer_begin(0) ? 0 : within < 0 ? L : within;
    const LayerOffsets& at = layer(std::max<int64_t>(within, 0));
    const std::pair<int64_t, int64_t> matrices[] = {
        {at.qkv, padded(qkv_width * C)}, {at.output, padded(C * output_width)}, {at.gate_up, padded(2 * F * C)}, {at.down, padded(C * F)}};
    int64_t before = 0;
    for (const auto& [begin, elements] : matrices) before += elements * (whole + (within >= 0 && begin < offset));
    return before;
}

void Shape::add_layer(int64_t index) {
    const std::string prefix = "model.layers." + std::to_string(index) + ".";
    LayerOffsets at{};
    at.qkv = reserve(qkv_width * C);
    at.qkv_bias = config.qkv_bias ? reserve(qkv_width) : -1;
    at.output = reserve(C * output_width);
    at.output_bias = config.output_bias ? reserve(C) : -1;
    at.q_norm = config.qk_norm ? reserve(D) : -1;
    at.k_norm = config.qk_norm ? reserve(D) : -1;
    at.gate_up = reserve(2 * F * C);
    at.gate_up_bias = config.mlp_bias ? reserve(2 * F) : -1;
    at.down = reserve(C * F);
    at.down_bias = config.mlp_bias ? reserve(C) : -1;
    at.input_norm = reserve(C);
    at.post_norm = reserve(C);

    // `row` is where the projection begins among the rows of its fused matrix.
    auto linear = [&](const char* name, int64_t out, int64_t in, int64_t weight, int64_t bias, int64_t row) {
        add(prefix + name + ".weight", 2, out, in, weight + row * in);
        if (bias >= 0) add(prefix + name + ".bias", 1, out, 1, bias + row);
    };
    linear("self_attn.q_proj", H * D, C, at.qkv, at.qkv_bias, 0);
    linear("self_attn.k_proj", G * D, C, at.qkv, at.qkv_bias, H * D);
    linear("self_attn.v_proj", G * D, C, at.qkv, at.qkv_bias, (H + G) * D);
    linear("self_attn.o_proj", C, H * D, at.output, at.output_bias, 0);
    if (config.qk_norm) {
        add(prefix + "self_attn.q_norm.weight", 1, D, 1, at.q_norm);
        add(prefix + "self_attn.k_norm.weight", 1, D, 1, at.k_norm);
    }
    linear("mlp.gate_proj", F, C, at.gate_up, at.gate_up_bias, 0);
    linear("mlp.up_proj", F, C, at.gate_up, at.gate_up_bias, F);
    linear("mlp.down_proj", C, F, at.down, at.down_bias, 0);
    add(prefix + "input_layernorm.weight", 1, C, 1, at.input_norm);
    add(prefix + "post_attention_layernorm.weight", 1, C, 1, at.post_norm);
    layers_.push_back(at);
    end_unit();
}

}  // namespace apo
