#include "transformer.h"

#include "layer_stream.h"

namespace apo {

namespace {

const apo::OpTable& ops_of(const apo_model& model) { return model.engine.ops; }

// One layer's weights, and the products with them.
class Layer {
public:
    // `weights` is where the layer's begin.
    Layer(const apo_model& model, int64_t index, const char* weights)
        : model_(model), s_(model.shape), at_(model.shape.layer(index)), ops_(model.engine.ops), device_(model.engine.device),
          index_(index), weights_(weights), first_(model.shape.layer_begin(index)) {}

    // x (T,C) = a.middle + w.delta afterwards; `delta` is what the layer before adds to a.input, or null.
    void forward(Workspace& w, LayerActivations& a, int64_t T, const void* delta, AttentionStep& attention) const {
        norm(a.input, delta, at_.input_norm, w.normed, a.input_rstd, T);
        linear(w.normed, at_.qkv, at_.qkv_bias, a.qkv, T, s_.qkv_width, s_.C);
        head_norms(a, T);
        rotate(w, a.qkv, T, 1);
        attention.run(index_, T, a.qkv, a.attention, a.lse);
        linear(a.attention, at_.output, at_.output_bias, w.delta, T, s_.C, s_.output_width);
        if (a.middle != a.input) copy(a.middle, a.input, T * s_.C);
        norm(a.middle, w.delta, at_.post_norm, w.normed, a.middle_rstd, T);
        linear(w.normed, at_.gate_up, at_.gate_up_bias, a.gate_up, T, 2 * s_.F, s_.C);
        ops_.swiglu_forward(device_, {T, s_.F, model_.dtype, a.gate_up, w.swiglu});
        linear(w.swiglu, at_.down, at_.down_bias, w.delta, T, s_.C, s_.F);
    }

    // w.dstream: from the gradient of the stream after the layer to that before it.
    void backward(Workspace& w, LayerActivations& a, int64_t T, const std::vector<Segment>& segments, float* gradients) const {
        const DType dtype = model_.dtype;
        // Feed-forward. Norm and SwiGLU outputs are computed again: cheaper than keeping them.
        ops_.swiglu_forward(device_, {T, s_.F, dtype, a.gate_up, w.swiglu});
        linear_backward(w.dstream, w.swiglu, at_.down, at_.down_bias, w.dswiglu, T, s_.C, s_.F, gradients);
        ops_.swiglu_backward(device_, {T, s_.F, dtype, a.gate_up, w.dswiglu, a.gate_up});
        norm(a.middle, nullptr, at_.post_norm, w.normed, a.middle_rstd, T);
        linear_backward(a.gate_up, w.normed, at_.gate_up, at_.gate_up_bias, w.dnormed, T, 2 * s_.F, s_.C, gradients);
        norm_backward(w, a.middle, at_.post_norm, a.middle_rstd, T, gradients);
        // Attention.
        linear_backward(w.dstream, a.attention, at_.output, at_.output_bias, w.dattention, T, s_.C, s_.output_width, gradients);
        ops_.attention_backward(device_, {T, s_.H, s_.G, s_.D, dtype, s_.window(index_), segments.data(),
                                          int64_t(segments.size()), a.qkv, a.attention, w.dattention, a.lse, w.dqkv});
        rotate(w, w.dqkv, T, -1);
        head_norms_backward(w, a, T, gradients);
        norm(a.input, nullptr, at_.input_norm, w.normed, a.input_rstd, T);
        linear_backward(w.dqkv, w.normed, at_.qkv, at_.qkv_bias, w.dnormed, T, s_.qkv_width, s_.C, gradients);
        norm_backward(w, a.input, at_.input_norm, a.input_rstd, T, gradients);
    }

private:
    // The weight at an offset of the shape.
    const void* weight_at(int64_t offset) const { return weights_ + size_t(offset - first_) * bytes_of(model_.dtype); }

    void norm(void* stream, const void* delta, int64_t weight, void* out, float* rstd, int64_t T) const {
        ops_.rmsnorm_forward(device_, {T, s_.C, model_.dtype, float(s_.config.rms_norm_eps), stream, delta, weight_at(weight), out, rstd});
    }

    void norm_backward(Workspace& w, const void* stream, int64_t weight, const float* rstd, int64_t T, float* gradients) const {
        ops_.rmsnorm_backward(device_, {T, s_.C, model_.dtype, w.dnormed, stream, weight_at(weight), rstd, w.dstream, gradients + weight});
    }

    // out(T,n) = x(T,k) W(n,k)^T + b
    void linear(const void* x, int64_t weight, int64_t bias, void* out, int64_t T, int64_t n, int64_t k) const {
        Gemm g{};
        g.m = T, g.n = n, g.k = k;
        g.transpose_b = true;
        g.a_type = g.b_type = g.c_type = model_.dtype;
        g.a = x, g.lda = k, g.b = weight_at(weight), g.ldb = k, g.c = out, g.ldc = n;
        ops_.gemm(device_, g);
        if (bias >= 0) ops_.bias_forward(device_, {T, n, n, model_.dtype, out, weight_at(bias)});
    }

    // dx(T,k) = dout(T,n) W; dW += dout^T x; db += column sums of dout
    void linear_backward(const void* dout, const void* x, int64_t weight, int64_t bias, void* dx, int64_t T, int64_t n,
                         int64_t k, float* gradients) const {
        Gemm g{};
        g.m = T, g.n = k, g.k = n;
        g.a_type = g.b_type = g.c_type = model_.dtype;
        g.a = dout, g.lda = n, g.b = weight_at(weight), g.ldb = k, g.c = dx, g.ldc = k;
        ops_.gemm(device_, g);
        Gemm d{};
        d.m = n, d.n = k, d.k = T;
        d.transpose_a = true;
        d.a_type = d.b_type = model_.dtype, d.c_type = DType::f32;
        d.a = dout, d.lda = n, d.b = x, d.ldb = k, d.c = gradients + weight, d.ldc = k, d.beta = 1;
        ops_.gemm(device_, d);
        if (bias >= 0) ops_.bias_backward(device_, {T, n, n, model_.dtype, dout, gradients + bias});
    }

    void head_norms(LayerActivations& a, int64_t T) const {
        if (!s_.config.qk_norm) return;
        const float eps = float(s_.config.rms_norm_eps);
        ops_.head_norm_forward(device_, {T, s_.H, s_.D, s_.qkv_width, model_.dtype, eps, a.qkv, weight_at(at_.q_norm), a.q_saved, a.q_rstd});
        ops_.head_norm_forward(device_, {T, s_.G, s_.D, s_.qkv_width, model_.dtype, eps, keys(a.qkv), weight_at(at_.k_norm), a.k_saved, a.k_rstd});
    }

    void head_norms_backward(Workspace& w, LayerActivations& a, int64_t T, float* gradients) const {
        if (!s_.config.qk_norm) return;
        ops_.head_norm_backward(device_, {T, s_.H, s_.D, s_.qkv_width, model_.dtype, a.q_saved, weight_at(at_.q_norm), a.q_rstd,
                                          w.dqkv, gradients + at_.q_norm});
        ops_.head_norm_backward(device_, {T, s_.G, s_.D, s_.qkv_width, model_.dtype, a.k_saved, weight_at(at_.k_norm), a.k_rstd,
                                          keys(w.dqkv), gradients + at_.k_norm});
    }

    void* keys(void* qkv) const { return static_cast<char*>(qkv) + size_t(s_.output_width) * bytes_of(model_.dtype); }

    void rotate(Workspace& w, void* qkv, int64_t T, float sign) const {
        ops_.rope(device_, {T, s_.H, s_.G, s_.D, model_.dtype, qkv, w.positions, reinterpret_cast<const float*>(model_.rope_cos.data()),
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
    const char* weights_;
    int64_t first_;
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

void transformer_forward(const apo_model& model, Workspace& w, int64_t tokens, AttentionStep& attention, Progress& progress) {
    const Shape& s = model.shape;
    const OpTable& ops = ops_of(model);
    Device& device = model.engine.device;
    const size_t stream_bytes = size_t(tokens * s.C) * bytes_of(model.dtype);
    ops.embedding_forward(device, {tokens, s.C, model.dtype, w.ids, model.at(s.embedding()), w.layers[0].input});
    const void* delta = nullptr;
    LayerStream weights(model);
    for (int64_t l = 0; l < s.L; l++) {
        progress.check();
        LayerActivations& a = w.layers[size_t(l)];
        if (l > 0 && a.input != w.layers[size_t(l - 1)].middle) {
            ops.copy(device, a.input, w.layers[size_t(l - 1)].middle, stream_bytes);
        }
        Layer(model, l, weights.next(l)).forward(w, a, tokens, delta, attention);
        delta = w.delta;
    }
    void* middle = w.layers.back().middle;
    if (w.last != middle) ops.copy(device, w.last, middle, stream_bytes);
    ops.rmsnorm_forward(device, {tokens, s.C, model.dtype, float(s.config.rms_norm_eps), w.last, w.delta,
                                 model.at(s.final_norm()), w.hidden, w.last_rstd});
    progress.add(tokens);
}

void transformer_backward(const apo_model& model, Workspace& w, int64_t tokens, const std::vector<Segment>& segments,
                          float* gradients, Progress& progress) {
    const Shape& s = model.shape;
    const OpTable& ops = ops_of(model);
    Device& device = model.engine.device;
    ops.fill_zero(device, w.dstream, size_t(tokens * s.C) * bytes_of(model.dtype));
    ops.rmsnorm_backward(device, {tokens, s.C, model.dtype, w.dnormed, w.last, model.at(s.final_norm()), w.last_rstd, w.dstream,
                                  gradients + s.final_norm()});
    PackedAttention attention(model, segments);
    for (int64_t l = s.L - 1; l >= 0; l--) {
        progress.check();
        LayerActivations& a = w.layers[size_t(l)];
        // The last layer's activations are those of the forward; a kept input already has the delta of the layer before.
        const Layer layer(model, l, static_cast<const char*>(model.at(s.layer_begin(l))));
        if (w.keep == Keep::inputs && l < s.L - 1) layer.forward(w, a, tokens, nullptr, attention);
        layer.backward(w, a, tokens, segments, gradients);
    }
    ops.embedding_backward(device, {tokens, s.C, s.V, model.dtype, w.ids, s.padding_row(), w.dstream, gradients + s.embedding()});
    progress.add(2 * tokens);
}

}  // namespace apo
