#include "transformer.h"

#include "low_rank.h"

namespace apo {

namespace {

const apo::OpTable& ops_of(const apo_model& model) { return model.engine.ops; }

// One layer's weights, and the products with them.
class Layer {
public:
    Layer(const Network& network, int64_t index, const LayerWeights& weights, Workspace& w)
        : model_(network.model), s_(model_.shape), at_(model_.shape.layer(index)), ops_(model_.engine.ops), device_(model_.engine.device),
          index_(index), weights_(weights), paths_(network.adapter, index, w), w_(w) {}

    // x (T,C) = a.middle + w.delta afterwards; `delta` is what the layer before adds to a.input, or null.
    void forward(LayerActivations& a, int64_t T, const void* delta, AttentionStep& attention) const {
        norm(a.input, delta, at_.input_norm, a.input_rstd, T);
        linear(kQkv, w_.normed, a, a.qkv, T);
        head_norms(a, T);
        rotate(a.qkv, T, 1);
        attention.run(index_, T, a.qkv, a.attention, a.lse);
        linear(kOutput, a.attention, a, w_.delta, T);
        if (a.middle != a.input) copy(a.middle, a.input, T * s_.C);
        norm(a.middle, w_.delta, at_.post_norm, a.middle_rstd, T);
        linear(kGateUp, w_.normed, a, a.gate_up, T);
        ops_.swiglu_forward(device_, {T, s_.F, model_.dtype, a.gate_up, w_.swiglu});
        linear(kDown, w_.swiglu, a, w_.delta, T);
    }

    // w.dstream: from the gradient of the stream after the layer to that before it. It ends where nothing that is trained is left.
    void backward(LayerActivations& a, int64_t T, const std::vector<Segment>& segments, const Gradients& gradients) const {
        const DType dtype = model_.dtype;
        auto trains = [&](Group group) { return gradients.trains({index_, group}); };
        auto ends_at = [&](Group group) { return !gradients.reaches_below({index_, group}); };
        // Feed-forward. Norm and SwiGLU outputs are computed again: cheaper than keeping them.
        if (trains(kDown)) ops_.swiglu_forward(device_, {T, s_.F, dtype, a.gate_up, w_.swiglu});
        linear_backward(kDown, w_.dstream, w_.swiglu, a, w_.dswiglu, T, gradients);
        if (ends_at(kDown)) return;
        ops_.swiglu_backward(device_, {T, s_.F, dtype, a.gate_up, w_.dswiglu, a.gate_up});
        if (trains(kGateUp)) norm(a.middle, nullptr, at_.post_norm, a.middle_rstd, T);
        linear_backward(kGateUp, a.gate_up, w_.normed, a, w_.dnormed, T, gradients);
        if (ends_at(kGateUp)) return;
        norm_backward(a.middle, at_.post_norm, a.middle_rstd, T, gradients);
        // Attention.
        linear_backward(kOutput, w_.dstream, a.attention, a, w_.dattention, T, gradients);
        if (ends_at(kOutput)) return;
        ops_.attention_backward(device_, {T, s_.H, s_.G, s_.D, dtype, s_.window(index_), segments.data(),
                                          int64_t(segments.size()), a.qkv, a.attention, w_.dattention, a.lse, w_.dqkv});
        rotate(w_.dqkv, T, -1);
        head_norms_backward(a, T, gradients);
        if (trains(kQkv)) norm(a.input, nullptr, at_.input_norm, a.input_rstd, T);
        linear_backward(kQkv, w_.dqkv, w_.normed, a, w_.dnormed, T, gradients);
        if (ends_at(kQkv)) return;
        norm_backward(a.input, at_.input_norm, a.input_rstd, T, gradients);
    }

private:
    // A group's matrix (n, k) and bias, at their offsets in the shape.
    struct Linear {
        int64_t weight, bias, n, k;
    };

    Linear linear_of(Group group) const {
        switch (group) {
            case kQkv: return {at_.qkv, at_.qkv_bias, s_.qkv_width, s_.C};
            case kOutput: return {at_.output, at_.output_bias, s_.C, s_.output_width};
            case kGateUp: return {at_.gate_up, at_.gate_up_bias, 2 * s_.F, s_.C};
            default: return {at_.down, at_.down_bias, s_.C, s_.F};
        }
    }

    // w.normed from the stream
    void norm(void* stream, const void* delta, int64_t weight, float* rstd, int64_t T) const {
        ops_.rmsnorm_forward(device_, {T, s_.C, model_.dtype, float(s_.config.rms_norm_eps), stream, delta, weights_.vector(weight), w_.normed, rstd});
    }

    void norm_backward(const void* stream, int64_t weight, const float* rstd, int64_t T, const Gradients& gradients) const {
        ops_.rmsnorm_backward(device_, {T, s_.C, model_.dtype, w_.dnormed, stream, weights_.vector(weight), rstd, w_.dstream, gradients.of(weight)});
    }

    // out(T,n) = x(T,k) W(n,k)^T + b, with the adapter's paths
    void linear(Group group, const void* x, LayerActivations& a, void* out, int64_t T) const {
        const Linear l = linear_of(group);
        Gemm g{};
        g.m = T, g.n = l.n, g.k = l.k;
        g.transpose_b = true;
        g.a_type = g.c_type = model_.dtype;
        g.a = x, g.lda = l.k, g.ldb = l.k, g.c = out, g.ldc = l.n;
        weights_.multiply(g, l.weight);
        if (l.bias >= 0) ops_.bias_forward(device_, {T, l.n, l.n, model_.dtype, out, weights_.vector(l.bias)});
        paths_.forward(group, T, x, a.low_rank[group], out);
    }

    // dx(T,k) = dout(T,n) W, where it is needed; dW += dout^T x and db += column sums of dout, where they are trained
    void linear_backward(Group group, const void* dout, const void* x, const LayerActivations& a, void* dx, int64_t T, const Gradients& gradients) const {
        const Linear l = linear_of(group);
        if (!gradients.reaches_below({index_, group})) dx = nullptr;
        paths_.backward(group, T, dout, x, a.low_rank[group], dx, gradients);
        if (dx != nullptr) {
            Gemm g{};
            g.m = T, g.n = l.k, g.k = l.n;
            g.a_type = g.c_type = model_.dtype;
            g.a = dout, g.lda = l.n, g.ldb = l.k, g.c = dx, g.ldc = l.k, g.beta = paths_.stand_beside(group) ? 1.0f : 0.0f;
            weights_.multiply(g, l.weight);
        }
        if (float* dweight = gradients.of(l.weight)) {
            Gemm d{};
            d.m = l.n, d.n = l.k, d.k = T;
            d.transpose_a = true;
            d.a_type = d.b_type = model_.dtype, d.c_type = DType::f32;
            d.a = dout, d.lda = l.n, d.b = x, d.ldb = l.k, d.c = dweight, d.ldc = l.k, d.beta = 1;
            ops_.gemm(device_, d);
            if (l.bias >= 0) ops_.bias_backward(device_, {T, l.n, l.n, model_.dtype, dout, gradients.of(l.bias)});
        }
    }

    void head_norms(LayerActivations& a, int64_t T) const {
        if (!s_.config.qk_norm) return;
        const float eps = float(s_.config.rms_norm_eps);
        ops_.head_norm_forward(device_, {T, s_.H, s_.D, s_.qkv_width, model_.dtype, eps, a.qkv, weights_.vector(at_.q_norm), a.q_saved, a.q_rstd});
        ops_.head_norm_forward(device_, {T, s_.G, s_.D, s_.qkv_width, model_.dtype, eps, keys(a.qkv), weights_.vector(at_.k_norm), a.k_saved, a.k_rstd});
    }

    void head_norms_backward(LayerActivations& a, int64_t T, const Gradients& gradients) const {
        if (!s_.config.qk_norm) return;
        ops_.head_norm_backward(device_, {T, s_.H, s_.D, s_.qkv_width, model_.dtype, a.q_saved, weights_.vector(at_.q_norm), a.q_rstd,
                                          w_.dqkv, gradients.of(at_.q_norm)});
        ops_.head_norm_backward(device_, {T, s_.G, s_.D, s_.qkv_width, model_.dtype, a.k_saved, weights_.vector(at_.k_norm), a.k_rstd,
                                          keys(w_.dqkv), gradients.of(at_.k_norm)});
    }

    void* keys(void* qkv) const { return static_cast<char*>(qkv) + size_t(s_.output_width) * bytes_of(model_.dtype); }

    void rotate(void* qkv, int64_t T, float sign) const {
        ops_.rope(device_, {T, s_.H, s_.G, s_.D, model_.dtype, qkv, w_.positions, reinterpret_cast<const float*>(model_.rope_cos.data()),
                            reinterpret_cast<const float*>(model_.rope_sin.data()), sign});
    }

    void copy(void* target, const void* source, int64_t elements) const {
        ops_.copy(device_, target, source, size_t(elements) * bytes_of(model_.dtype));
    }

    const apo_model& model_;
    const Shape& s_;
    const LayerOffsets& at_;
    const OpTable& ops_;
    Device& device_;
    int64_t index_;
    LayerWeights weights_;
    LowRankPaths paths_;
    Workspace& w_;
};

}  // namespace

void PackedAttention::run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float* lse) {
    const Shape& s = model_.shape;
    ops_of(model_).attention_forward(model_.engine.device, {tokens, s.H, s.G, s.D, model_.dtype, s.window(layer),
                                                            segments_.data(), int64_t(segments_.size()), qkv, attention, lse});
}

void upload(const apo_model& model, Workspace& w, const Batch& batch) {
    auto put = [&](int32_t* target, const std::vector<int32_t>& source) {
        ops_of(model).copy_to_device(model.engine.device, target, source.data(), source.size() * sizeof(int32_t));
    };
    put(w.ids, batch.ids);
    put(w.positions, batch.positions);
    put(w.rows, batch.rows);
    put(w.targets, batch.targets);
    put(w.answer_begin, batch.answer_begin);
    put(w.answer_ends, batch.answer_ends);
}

void transformer_forward(const Network& network, WeightStream& weights, Workspace& w, int64_t tokens, AttentionStep& attention, Progress& progress) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    const OpTable& ops = ops_of(model);
    Device& device = model.engine.device;
    const size_t stream_bytes = size_t(tokens * s.C) * bytes_of(model.dtype);
    ops.embedding_forward(device, {tokens, s.C, model.dtype, w.ids, weights.embedding(), w.layers[0].input});
    const void* delta = nullptr;
    for (int64_t l = 0; l < s.L; l++) {
        progress.check();
        LayerActivations& a = w.layers[size_t(l)];
        if (l > 0 && a.input != w.layers[size_t(l - 1)].middle) {
            ops.copy(device, a.input, w.layers[size_t(l - 1)].middle, stream_bytes);
        }
        Layer(network, l, weights.layer(), w).forward(a, tokens, delta, attention);
        delta = w.delta;
    }
    void* middle = w.layers.back().middle;
    if (w.last != middle) ops.copy(device, w.last, middle, stream_bytes);
    ops.rmsnorm_forward(device, {tokens, s.C, model.dtype, float(s.config.rms_norm_eps), w.last, w.delta,
                                 weights.final_norm(), w.hidden, w.last_rstd});
    progress.add(tokens);
}

void transformer_backward(const Network& network, WeightStream& weights, Workspace& w, int64_t tokens, const std::vector<Segment>& segments,
                          const Gradients& gradients, Progress& progress) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    const OpTable& ops = ops_of(model);
    Device& device = model.engine.device;
    const int64_t lowest = gradients.lowest_layer();
    if (lowest < s.L) {
        ops.fill_zero(device, w.dstream, size_t(tokens * s.C) * bytes_of(model.dtype));
        ops.rmsnorm_backward(device, {tokens, s.C, model.dtype, w.dnormed, w.last, weights.final_norm(), w.last_rstd, w.dstream,
                                      gradients.of(s.final_norm())});
    }
    gradients.done(s.last_unit());
    PackedAttention attention(model, segments);
    for (int64_t l = s.L - 1; l >= lowest; l--) {
        progress.check();
        LayerActivations& a = w.layers[size_t(l)];
        // The last layer's activations are those of the forward; a kept input already has the delta of the layer before.
        const Layer layer(network, l, weights.layer(), w);
        if (w.keep == Keep::inputs && l < s.L - 1) layer.forward(a, tokens, nullptr, attention);
        gradients.begin(s.layer_unit(l));
        layer.backward(a, tokens, segments, gradients);
        gradients.done(s.layer_unit(l));
    }
    if (!s.head_is_embedding()) gradients.begin(s.embedding_unit());
    if (float* dtable = gradients.of(s.embedding())) {
        ops.embedding_backward(device, {tokens, s.C, s.V, model.dtype, w.ids, s.padding_row(), w.dstream, dtable});
    }
    gradients.done(s.embedding_unit());
    progress.add(2 * tokens);
}

}  // namespace apo
