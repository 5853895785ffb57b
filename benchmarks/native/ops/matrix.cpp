// Ops bound by arithmetic: matrix products of a layer in its three uses, and attention.
#include <algorithm>

#include "bench.h"

namespace op_bench {

namespace {

// C(m,n) = op(A) op(B); the weight gradient accumulates in f32.
Case product(const Target& t, const char* use, int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b, DType dtype, DType c_type, float beta) {
    return {std::string("gemm_") + use, shape_text({{"m", m}, {"n", n}, {"k", k}}), dtype, 0, 2.0 * double(m) * double(n) * double(k),
            t.ops.gemm != nullptr, [=] {
        Memory a = normal(t, dtype, m * k), b = normal(t, dtype, n * k), c = zeros(t, m * n * int64_t(bytes_of(c_type)));
        return [=] {
            t.ops.gemm(t.device, {m, n, k, transpose_a, transpose_b, dtype, dtype, c_type, a.get(), transpose_a ? m : k, b.get(),
                                  transpose_b ? k : n, c.get(), n, beta});
        };
    }};
}

struct Packed {
    std::vector<apo::Segment> segments;
    double visible = 0;  // keys that queries see, over all queries

    void add(int64_t length, int64_t prompt_begin, int64_t prompt_length) {
        const int32_t begin = segments.empty() ? 0 : segments.back().end;
        segments.push_back({begin, int32_t(begin + length), int32_t(prompt_begin), int32_t(prompt_begin + prompt_length), int32_t(prompt_length)});
        visible += double(length) * double(prompt_length) + double(length) * double(length + 1) / 2;
    }
};

void add_attention(Cases& cases, const Target& t, const Sizes& s, DType dtype, const char* kind, const Packed& packed) {
    const int64_t T = packed.segments.back().end, H = s.heads, G = s.kv_heads, D = s.head_dim, W = s.width(), b = int64_t(bytes_of(dtype));
    const std::string shape = std::string(kind) + " " + shape_text({{"T", T}, {"H", H}, {"G", G}, {"D", D}});
    // Forward: q k^T and p v. Backward: those of the scores again, dp, dq, dk, dv.
    const double flops = 4 * packed.visible * double(H * D);
    const std::vector<apo::Segment> segments = packed.segments;
    cases.push_back({"attention_forward", shape, dtype, 0, flops, t.ops.attention_forward != nullptr, [=] {
        Memory qkv = normal(t, dtype, T * W), out = zeros(t, T * H * D * b), lse = zeros(t, T * H * 4);
        return [=] {
            t.ops.attention_forward(t.device, {T, H, G, D, dtype, 0, segments.data(), int64_t(segments.size()), qkv.get(), out.get(), floats(lse)});
        };
    }});
    cases.push_back({"attention_backward", shape, dtype, 0, 2.5 * flops, t.ops.attention_backward != nullptr && t.ops.attention_forward != nullptr, [=] {
        Memory qkv = normal(t, dtype, T * W), out = zeros(t, T * H * D * b), lse = zeros(t, T * H * 4);
        Memory dout = normal(t, dtype, T * H * D), dqkv = zeros(t, T * W * b);
        t.ops.attention_forward(t.device, {T, H, G, D, dtype, 0, segments.data(), int64_t(segments.size()), qkv.get(), out.get(), floats(lse)});
        return [=] {
            t.ops.attention_backward(t.device, {T, H, G, D, dtype, 0, segments.data(), int64_t(segments.size()), qkv.get(), out.get(), dout.get(),
                                                floats(lse), dqkv.get()});
        };
    }});
}

}  // namespace

Case square_product(const Target& target, int64_t n, DType dtype) {
    return product(target, "square", n, n, n, false, true, dtype, dtype, 0);
}

void add_matrix_cases(Cases& cases, const Target& target, const Sizes& s, DType dtype) {
    const int64_t T = s.tokens;
    const struct {
        int64_t out, in;
    } weights[] = {{s.width(), s.hidden}, {s.hidden, s.heads * s.head_dim}, {2 * s.ffn, s.hidden}, {s.hidden, s.ffn}};
    for (const auto& w : weights) {
        cases.push_back(product(target, "forward", T, w.out, w.in, false, true, dtype, dtype, 0));
        cases.push_back(product(target, "input_gradient", T, w.in, w.out, false, false, dtype, dtype, 0));
        cases.push_back(product(target, "weight_gradient", w.out, w.in, T, true, false, dtype, DType::f32, 1));
    }
    // The thin ones of low-rank paths of rank 16: beside q, k and v together, and the output of one.
    const int64_t C = s.hidden, W = s.width();
    cases.push_back(product(target, "low_rank_into", T, 48, C, false, true, dtype, dtype, 0));
    cases.push_back(product(target, "low_rank_out_of", T, W, 16, false, true, dtype, dtype, 1));
    cases.push_back(product(target, "low_rank_gradient", 48, C, T, true, false, dtype, DType::f32, 1));
    Packed causal, shared;
    const int64_t length = std::min(s.sequence, T), sequences = std::max<int64_t>(1, T / length);
    for (int64_t i = 0; i < sequences; i++) causal.add(length, 0, 0);
    add_attention(cases, target, s, dtype, "causal", causal);
    // A prompt of half a sequence with two answers of a quarter.
    for (int64_t i = 0; i < sequences; i++) {
        const int64_t begin = i * (length / 2 + 2 * (length / 4));
        shared.add(length / 2, begin, 0);
        for (int answer = 0; answer < 2; answer++) shared.add(length / 4, begin, length / 2);
    }
    add_attention(cases, target, s, dtype, "shared-prompt", shared);
}

}  // namespace op_bench
