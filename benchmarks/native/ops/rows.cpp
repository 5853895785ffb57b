// Ops bound by memory: embedding, biases, norms, RoPE, SwiGLU, value head, gather and scatter, conversion.
#include <cmath>

#include "bench.h"

namespace op_bench {

namespace {

void add_norms(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t T = s.tokens, C = s.hidden, heads = s.heads, D = s.head_dim, W = s.width(), b = int64_t(bytes_of(dtype));
    const std::string shape = shape_text({{"T", T}, {"C", C}}), head_shape = shape_text({{"T", T}, {"H", heads}, {"D", D}});
    cases.push_back({"rmsnorm_forward", shape, dtype, double(4 * T * C * b), 0, t.ops.rmsnorm_forward != nullptr, [=] {
        Memory x = normal(t, dtype, T * C), delta = normal(t, dtype, T * C), w = normal(t, dtype, C), out = zeros(t, T * C * b), rstd = zeros(t, T * 4);
        return [=] { t.ops.rmsnorm_forward(t.device, {T, C, dtype, 1e-5f, x.get(), delta.get(), w.get(), out.get(), floats(rstd)}); };
    }});
    cases.push_back({"rmsnorm_backward", shape, dtype, double(4 * T * C * b), 0, t.ops.rmsnorm_backward != nullptr, [=] {
        Memory dout = normal(t, dtype, T * C), x = normal(t, dtype, T * C), w = normal(t, dtype, C), dx = normal(t, dtype, T * C);
        Memory rstd = normal(t, DType::f32, T), dw = zeros(t, C * 4);
        return [=] { t.ops.rmsnorm_backward(t.device, {T, C, dtype, dout.get(), x.get(), w.get(), floats(rstd), dx.get(), floats(dw)}); };
    }});
    cases.push_back({"head_norm_forward", head_shape, dtype, double(3 * T * heads * D * b), 0, t.ops.head_norm_forward != nullptr, [=] {
        Memory x = normal(t, dtype, T * W), w = normal(t, dtype, D), saved = zeros(t, T * heads * D * b), rstd = zeros(t, T * heads * 4);
        return [=] { t.ops.head_norm_forward(t.device, {T, heads, D, W, dtype, 1e-5f, x.get(), w.get(), saved.get(), floats(rstd)}); };
    }});
    cases.push_back({"head_norm_backward", head_shape, dtype, double(3 * T * heads * D * b), 0, t.ops.head_norm_backward != nullptr, [=] {
        Memory saved = normal(t, dtype, T * heads * D), w = normal(t, dtype, D), rstd = normal(t, DType::f32, T * heads, 0.5f);
        Memory dx = normal(t, dtype, T * W), dw = zeros(t, D * 4);
        return [=] { t.ops.head_norm_backward(t.device, {T, heads, D, W, dtype, saved.get(), w.get(), floats(rstd), dx.get(), floats(dw)}); };
    }});
}

void add_rope(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t T = s.tokens, H = s.heads, G = s.kv_heads, D = s.head_dim, W = s.width(), b = int64_t(bytes_of(dtype)), half = D / 2;
    const int64_t positions = s.sequence;
    const double bytes = double(2 * T * (H + G) * D * b + 2 * positions * half * 4 + T * 4);
    cases.push_back({"rope", shape_text({{"T", T}, {"H", H}, {"G", G}, {"D", D}}), dtype, bytes, 0, t.ops.rope != nullptr, [=] {
        std::vector<float> cosines(size_t(positions * half)), sines(size_t(positions * half));
        for (size_t i = 0; i < cosines.size(); i++) {
            const double angle = double(i / size_t(half)) * std::pow(10000.0, -double(i % size_t(half)) / double(half));
            cosines[i] = float(std::cos(angle)), sines[i] = float(std::sin(angle));
        }
        Memory qkv = normal(t, dtype, T * W), at = upload(t, counting(T, positions)), cos = upload(t, cosines), sin = upload(t, sines);
        return [=] { t.ops.rope(t.device, {T, H, G, D, dtype, qkv.get(), ints(at), floats(cos), floats(sin), 1}); };
    }});
}

void add_feed_forward(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t T = s.tokens, F = s.ffn, W = s.width(), b = int64_t(bytes_of(dtype));
    const std::string shape = shape_text({{"T", T}, {"F", F}}), bias_shape = shape_text({{"T", T}, {"n", W}});
    cases.push_back({"swiglu_forward", shape, dtype, double(3 * T * F * b), 0, t.ops.swiglu_forward != nullptr, [=] {
        Memory x = normal(t, dtype, 2 * T * F), out = zeros(t, T * F * b);
        return [=] { t.ops.swiglu_forward(t.device, {T, F, dtype, x.get(), out.get()}); };
    }});
    cases.push_back({"swiglu_backward", shape, dtype, double(5 * T * F * b), 0, t.ops.swiglu_backward != nullptr, [=] {
        Memory x = normal(t, dtype, 2 * T * F), dout = normal(t, dtype, T * F), dx = zeros(t, 2 * T * F * b);
        return [=] { t.ops.swiglu_backward(t.device, {T, F, dtype, x.get(), dout.get(), dx.get()}); };
    }});
    cases.push_back({"bias_forward", bias_shape, dtype, double(2 * T * W * b), 0, t.ops.bias_forward != nullptr, [=] {
        Memory x = normal(t, dtype, T * W), bias = normal(t, dtype, W, 0.01f);
        return [=] { t.ops.bias_forward(t.device, {T, W, W, dtype, x.get(), bias.get()}); };
    }});
    cases.push_back({"bias_backward", bias_shape, dtype, double(T * W * b), 0, t.ops.bias_backward != nullptr, [=] {
        Memory dx = normal(t, dtype, T * W), dbias = zeros(t, W * 4);
        return [=] { t.ops.bias_backward(t.device, {T, W, W, dtype, dx.get(), floats(dbias)}); };
    }});
}

void add_tables(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t T = s.tokens, C = s.hidden, V = s.vocab, b = int64_t(bytes_of(dtype));
    const std::string shape = shape_text({{"T", T}, {"C", C}, {"V", V}}), rows = shape_text({{"R", T}, {"C", C}});
    // A step of 97 spreads the ids over the table; they are all different where T <= V.
    cases.push_back({"embedding_forward", shape, dtype, double(2 * T * C * b), 0, t.ops.embedding_forward != nullptr, [=] {
        Memory ids = upload(t, counting(T, V, 97)), table = normal(t, dtype, V * C), out = zeros(t, T * C * b);
        return [=] { t.ops.embedding_forward(t.device, {T, C, dtype, ints(ids), table.get(), out.get()}); };
    }});
    cases.push_back({"embedding_backward", shape, dtype, double(T * C * (b + 8)), 0, t.ops.embedding_backward != nullptr, [=] {
        Memory ids = upload(t, counting(T, V, 97)), dout = normal(t, dtype, T * C), dtable = zeros(t, V * C * 4);
        return [=] { t.ops.embedding_backward(t.device, {T, C, V, dtype, ints(ids), -1, dout.get(), floats(dtable)}); };
    }});
    cases.push_back({"gather_rows", rows, dtype, double(2 * T * C * b), 0, t.ops.gather_rows != nullptr, [=] {
        Memory index = upload(t, counting(T, T)), x = normal(t, dtype, T * C), out = zeros(t, T * C * b);
        return [=] { t.ops.gather_rows(t.device, {T, C, dtype, ints(index), x.get(), out.get()}); };
    }});
    cases.push_back({"scatter_add_rows", rows, dtype, double(3 * T * C * b), 0, t.ops.scatter_add_rows != nullptr, [=] {
        Memory index = upload(t, counting(T, T)), x = normal(t, dtype, T * C), out = zeros(t, T * C * b);
        return [=] { t.ops.scatter_add_rows(t.device, {T, C, dtype, ints(index), x.get(), out.get()}); };
    }});
    cases.push_back({"value_forward", rows, dtype, double(T * C * b), 0, t.ops.value_forward != nullptr, [=] {
        Memory x = normal(t, dtype, T * C), w = normal(t, dtype, C), score = zeros(t, T * 4);
        return [=] { t.ops.value_forward(t.device, {T, C, dtype, x.get(), dtype, w.get(), floats(score)}); };
    }});
    cases.push_back({"value_backward", rows, dtype, double(2 * T * C * b), 0, t.ops.value_backward != nullptr, [=] {
        Memory x = normal(t, dtype, T * C), w = normal(t, dtype, C), dscore = normal(t, DType::f32, T), dx = zeros(t, T * C * b), dw = zeros(t, C * 4);
        return [=] { t.ops.value_backward(t.device, {T, C, dtype, x.get(), dtype, w.get(), floats(dscore), dx.get(), floats(dw)}); };
    }});
    const int64_t n = T * C;
    cases.push_back({"add", shape_text({{"n", n}}), dtype, double(3 * n * b), 0, t.ops.add != nullptr, [=] {
        Memory x = normal(t, dtype, n, 0.01f), y = normal(t, dtype, n);
        return [=] { t.ops.add(t.device, {n, dtype, x.get(), y.get()}); };
    }});
    // The low-rank path's: 48 columns beside a layer's input, and the mask of that input.
    cases.push_back({"scale", shape_text({{"T", T}, {"n", 48}}), dtype, double(2 * T * 48 * b), 0, t.ops.scale != nullptr, [=] {
        Memory x = normal(t, dtype, T * 48);
        return [=] { t.ops.scale(t.device, {T, 48, 48, dtype, x.get(), 1.0f}); };
    }});
    cases.push_back({"dropout", shape_text({{"T", T}, {"C", C}}), dtype, double(2 * n * b), 0, t.ops.dropout != nullptr, [=] {
        Memory x = normal(t, dtype, n), y = zeros(t, n * b);
        return [=] { t.ops.dropout(t.device, {T, C, dtype, {0.05, 7, 1, 0, 0}, false, x.get(), y.get()}); };
    }});
    cases.push_back({"convert", shape_text({{"n", n}}), dtype, double(n * (4 + b)), 0, t.ops.convert != nullptr, [=] {
        Memory x = normal(t, DType::f32, n), y = zeros(t, n * b);
        return [=] { t.ops.convert(t.device, {n, DType::f32, x.get(), dtype, y.get()}); };
    }});
}

}  // namespace

void add_row_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype) {
    add_norms(cases, target, sizes, dtype);
    add_rope(cases, target, sizes, dtype);
    add_feed_forward(cases, target, sizes, dtype);
    add_tables(cases, target, sizes, dtype);
}

Case large_copy(const Target& t, int64_t bytes) {
    return {"copy", shape_text({{"bytes", bytes}}), DType::f32, double(2 * bytes), 0, true, [=] {
        Memory from = normal(t, DType::f32, bytes / 4), to = zeros(t, bytes);
        return [=] { t.ops.copy(t.device, to.get(), from.get(), size_t(bytes)); };
    }};
}

}  // namespace op_bench
