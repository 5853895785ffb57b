// Ops of generation: the cache, attention of single queries over it, products of few rows, with packed weights too, sampling.
#include "bench.h"

namespace op_bench {

namespace {

void add_cache(Cases& cases, const Target& t, const Sizes& s, DType dtype, int64_t B) {
    const int64_t H = s.heads, G = s.kv_heads, D = s.head_dim, W = s.width(), b = int64_t(bytes_of(dtype)), page = 16;
    const int64_t length = s.sequence / 2, pages_each = (length + page - 1) / page, pages = B * pages_each;
    cases.push_back({"kv_append", shape_text({{"B", B}, {"G", G}, {"D", D}}), dtype, double(4 * B * G * D * b), 0, t.ops.kv_append != nullptr, [=] {
        Memory qkv = normal(t, dtype, B * W), slots = upload(t, counting(B, pages * page, pages_each * page)), cache = zeros(t, pages * page * 2 * G * D * b);
        return [=] { t.ops.kv_append(t.device, {B, H, G, D, page, dtype, qkv.get(), ints(slots), cache.get()}); };
    }});
    cases.push_back({"attention_decode", shape_text({{"B", B}, {"L", length}, {"H", H}, {"G", G}, {"D", D}}), dtype, double(B * length * 2 * G * D * b), 0,
                     t.ops.attention_decode != nullptr, [=] {
        Memory qkv = normal(t, dtype, B * W), cache = normal(t, dtype, pages * page * 2 * G * D), out = zeros(t, B * H * D * b);
        // 7 steps through the pages in another order than they lie; where that is no permutation, in theirs.
        Memory list = upload(t, counting(pages, pages, pages % 7 == 0 ? 1 : 7)), begin = upload(t, counting(B, int64_t(1) << 31, pages_each));
        Memory lengths = upload(t, std::vector<int32_t>(size_t(B), int32_t(length)));
        Memory plan = zeros(t, int64_t(apo::decode_plan_bytes(B)));
        auto op = [=] {
            return apo::AttentionDecode{B, H, G, D, page, dtype, 0, qkv.get(), cache.get(), ints(list), ints(begin), ints(lengths), plan.get(), out.get()};
        };
        t.ops.plan_decode(t.device, op());  // once for the layers of a step
        return [=] { t.ops.attention_decode(t.device, op()); };
    }});
}

void add_sample(Cases& cases, const Target& t, const Sizes& s, int64_t B) {
    const int64_t V = s.vocab;
    const struct {
        const char* name;
        bool greedy;
        int32_t top_k;
        double top_p;
    } kinds[] = {{"sample_greedy", true, 0, 1}, {"sample", false, 0, 1}, {"sample_top_k", false, 50, 1}, {"sample_top_p", false, 0, 0.9}};
    for (const auto& kind : kinds) {
        cases.push_back({kind.name, shape_text({{"B", B}, {"V", V}}), DType::f32, double(B * V * 4), 0, t.ops.sample != nullptr, [=] {
            const bool some = kind.top_k > 0 || kind.top_p < 1;
            std::vector<apo::Draw> rows;
            for (int64_t b = 0; b < B; b++) rows.push_back({kind.greedy, kind.top_k, 1, kind.top_p, 42, 1, int32_t(b), 0});
            Memory logits = normal(t, DType::f32, B * V, 3), draws = upload(t, rows), ids = zeros(t, B * 4), logp = zeros(t, B * 4);
            return [=] {
                t.ops.sample(t.device, {B, V, floats(logits), reinterpret_cast<const apo::Draw*>(draws.get()), some, nullptr, nullptr, nullptr,
                                        ints(ids), floats(logp)});
            };
        }});
    }
}

// A product of few rows reads the weights once: bound by memory.
void add_few_rows(Cases& cases, const Target& t, const Sizes& s, DType dtype, int64_t B) {
    const int64_t n = 2 * s.ffn, k = s.hidden, b = int64_t(bytes_of(dtype));
    cases.push_back({"gemm_few_rows", shape_text({{"m", B}, {"n", n}, {"k", k}}), dtype, double((n * k + B * (n + k)) * b), 0, t.ops.gemm != nullptr, [=] {
        Memory x = normal(t, dtype, B * k), w = normal(t, dtype, n * k), y = zeros(t, B * n * b);
        return [=] { t.ops.gemm(t.device, {B, n, k, false, true, dtype, dtype, dtype, x.get(), k, w.get(), k, y.get(), n, 0}); };
    }});
}

// Bytes of a packed matrix.
double packed_bytes(apo::Packing packing, int64_t n, int64_t k) {
    return packing == apo::Packing::int8 ? double(n * k + 4 * n) : double(n * k) * (0.5 + 1.0 / 64 + 4.0 / (64 * 256));
}

// Random codes, and scales as of weights of about 1 / 64.
struct PackedMatrix {
    PackedMatrix(const Target& t, apo::Packing packing, int64_t n, int64_t k)
        : codes(normal(t, DType::f32, n * k / 4)), scales(normal(t, DType::f32, packing == apo::Packing::int8 ? n : apo::nested_blocks(n * k / 64), 0.02f)),
          scale_codes(normal(t, DType::f32, n * k / 256 + 1)), map(normal(t, DType::f32, 256)),
          matrix{packing, n, k, bytes(codes), floats(scales), bytes(scale_codes), floats(map), 0.05f} {}
    static const uint8_t* bytes(const Memory& memory) { return reinterpret_cast<const uint8_t*>(memory.get()); }
    Memory codes, scales, scale_codes, map;
    apo::QuantizedMatrix matrix;
};

constexpr struct {
    const char* name;
    apo::Packing packing;
} kPackings[] = {{"nf4", apo::Packing::nf4}, {"int8", apo::Packing::int8}};

// The same with packed weights, which it reads where they lie.
void add_packed_rows(Cases& cases, const Target& t, const Sizes& s, DType dtype, int64_t B) {
    const int64_t n = 2 * s.ffn, k = s.hidden, b = int64_t(bytes_of(dtype));
    for (const auto& kind : kPackings) {
        cases.push_back({"quantized_product", kind.name + (" " + shape_text({{"m", B}, {"n", n}, {"k", k}})), dtype,
                         packed_bytes(kind.packing, n, k) + double(B * (n + k) * b), 0,
                         t.ops.quantized_product != nullptr && B <= t.ops.quantized_rows({kind.packing, n, k, nullptr, nullptr, nullptr, nullptr, 0}), [=, packing = kind.packing] {
            Memory x = normal(t, dtype, B * k), y = zeros(t, B * n * b);
            return [=, w = PackedMatrix(t, packing, n, k)] { t.ops.quantized_product(t.device, {w.matrix, B, dtype, x.get(), k, y.get(), n}); };
        }});
    }
}

// In front of a product of many rows.
void add_dequantize(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t n = 2 * s.ffn, k = s.hidden, b = int64_t(bytes_of(dtype));
    for (const auto& kind : kPackings) {
        cases.push_back({"dequantize", kind.name + (" " + shape_text({{"n", n}, {"k", k}})), dtype, packed_bytes(kind.packing, n, k) + double(n * k * b), 0,
                         t.ops.dequantize != nullptr, [=, packing = kind.packing] {
            Memory out = zeros(t, n * k * b);
            return [=, w = PackedMatrix(t, packing, n, k)] { t.ops.dequantize(t.device, {w.matrix, 0, n * k, dtype, out.get()}); };
        }});
    }
}

}  // namespace

void add_decode_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype) {
    add_dequantize(cases, target, sizes, dtype);
    add_packed_rows(cases, target, sizes, dtype, 8);
    for (int64_t rows : {int64_t(1), int64_t(64), int64_t(256)}) {
        if (rows > sizes.tokens) continue;
        add_cache(cases, target, sizes, dtype, rows);
        add_few_rows(cases, target, sizes, dtype, rows);
        add_packed_rows(cases, target, sizes, dtype, rows);
        add_sample(cases, target, sizes, rows);
    }
}

}  // namespace op_bench
