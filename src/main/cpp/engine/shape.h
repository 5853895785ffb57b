// A transformer's shape: checked, with the sizes that follow from it and the tensors it has.
#pragma once

#include <string>
#include <vector>

#include "error.h"
#include "ops.h"
#include "tensor.h"
#include "units.h"

namespace apo {

// Offsets of a layer's weights in the model's buffer; -1 for what the model lacks. q, k, v stand together, as one matrix of
// (H + 2G) D rows, and so do gate and up, and their biases.
struct LayerOffsets {
    int64_t input_norm, qkv, qkv_bias, q_norm, k_norm, output, output_bias, post_norm, gate_up, gate_up_bias, down, down_bias;
};

// A projection's matrix: the offset of its first row, and its sides.
struct ProjectionMatrix {
    int64_t weight, rows, columns;
};

class Shape {
public:
    // Throws APO_E_ARGUMENT where a value is out of range or contradicts another. `ranks` may share the weights out, unit by unit.
    explicit Shape(const apo_model_config& config, int32_t ranks = 1);

    const apo_model_config config;  // windows is null; they are window(l)
    int64_t C, F, V, L, H, G, D;
    int64_t qkv_width;      // (H + 2G) D
    int64_t output_width;   // H D
    const int32_t ranks;
    bool value_head() const { return config.head == APO_HEAD_VALUE; }

    const std::vector<TensorSpec>& tensors() const { return tensors_; }
    const LayerOffsets& layer(int64_t l) const { return layers_[size_t(l)]; }
    bool is_padding(int32_t id) const { return config.has_padding && id == config.padding_id; }
    // The row of the embedding that gets no gradient, or -1.
    int32_t padding_row() const { return !config.has_padding ? -1 : config.padding_id + (config.padding_id < 0 ? config.vocab_size : 0); }
    // Tokens that a query of layer l sees, itself included; 0 for all.
    int32_t window(int64_t l) const { return windows_[size_t(window_index(l))]; }
    // The windows that differ, and which of them is that of layer l.
    const std::vector<int32_t>& windows() const { return windows_; }
    int64_t window_index(int64_t l) const { return layer_windows_[size_t(l)]; }
    int64_t embedding() const { return embedding_; }
    int64_t final_norm() const { return final_norm_; }
    bool head_is_embedding() const { return head_ == embedding_; }
    int64_t head() const { return head_; }  // LM head (the embedding where tied) or value head
    int64_t parameters() const { return parameters_; }  // elements of the buffer, padding included
    // The embedding, the layers, and the final norm with the head, where that is not the embedding.
    const Units& units() const { return units_; }
    int64_t embedding_unit() const { return 0; }
    int64_t layer_unit(int64_t l) const { return 1 + l; }
    int64_t last_unit() const { return 1 + L; }
    // The layers stand one behind the other, all of one size, between the embedding and the final norm.
    int64_t layer_begin(int64_t l) const { return layers_[0].qkv + l * layer_elements(); }
    int64_t layer_elements() const { return (final_norm_ - layers_[0].qkv) / L; }

    int64_t layer_of(int64_t offset) const;  // -1 where it is in none
    ProjectionMatrix projection(int64_t layer, int32_t projection) const;  // an apo_projection
    // Elements, padding included, of the layers' projections that stand before an offset which is in none of them.
    int64_t projections_before(int64_t offset) const;

private:
    int64_t reserve(int64_t count);
    void end_unit();
    void add(const std::string& name, int32_t rank, int64_t rows, int64_t columns, int64_t offset);
    void add_layer(int64_t index);
    void add_windows(const int32_t* of_layers);

    std::vector<TensorSpec> tensors_;
    std::vector<LayerOffsets> layers_;
    Units units_;
    std::vector<int32_t> windows_;
    std::vector<int64_t> layer_windows_;
    int64_t embedding_ = 0, final_norm_ = 0, head_ = 0, parameters_ = 0;
};

}  // namespace apo
