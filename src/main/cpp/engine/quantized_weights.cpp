#include "quantized_weights.h"

#include <algorithm>
#include <cmath>

namespace apo {

namespace {

int64_t codes_of(const QuantizedMatrix& w) { return w.is_nf4() ? (w.count() + 1) / 2 : w.count(); }

// How many of each array a matrix has.
int64_t scales_of(const QuantizedMatrix& w) {
    switch (w.packing) {
        case Packing::int8: return w.rows;
        case Packing::nf4_f32: return nf4_blocks(w.count());
        default: return nested_blocks(nf4_blocks(w.count()));
    }
}
int64_t scale_codes_of(const QuantizedMatrix& w) { return w.packing == Packing::nf4 ? nf4_blocks(w.count()) : 0; }
int64_t scale_map_of(const QuantizedMatrix& w) { return w.packing == Packing::nf4 ? kScaleMap : 0; }

std::vector<QuantizedMatrix> layout(Arena& arena, const Shape& shape, Packing packing) {
    std::vector<QuantizedMatrix> matrices;
    for (int64_t l = 0; l < shape.L; l++) {
        for (int32_t p = 0; p < APO_PROJECTIONS; p++) {
            const ProjectionMatrix at = shape.projection(l, p);
            QuantizedMatrix w{packing, at.rows, at.columns, nullptr, nullptr, nullptr, nullptr, 0};
            w.codes = arena.take<uint8_t>(codes_of(w));
            w.scales = arena.take<float>(scales_of(w));
            w.scale_codes = arena.take<uint8_t>(scale_codes_of(w));
            w.scale_map = arena.take<float>(scale_map_of(w));
            matrices.push_back(w);
        }
    }
    return matrices;
}

int64_t packed_bytes(const Shape& shape, Packing packing) {
    Arena arena;
    layout(arena, shape, packing);
    return int64_t(arena.used());
}

// Of the largest matrix that a product takes at once.
int64_t values_bytes(const Shape& s, DType dtype) {
    return std::max({s.qkv_width * s.C, s.C * s.output_width, 2 * s.F * s.C}) * int64_t(bytes_of(dtype));
}

}  // namespace

Packing checked_packing(int32_t quantize) {
    if (quantize < APO_QUANTIZE_NONE || quantize > APO_QUANTIZE_INT8) fail(APO_E_ARGUMENT, "quantize is %d; expected an apo_quantize", quantize);
    return static_cast<Packing>(quantize);
}

QuantizedWeights::QuantizedWeights(apo_engine& engine, const Shape& shape, DType dtype, Packing p)
    : packing(p), engine_(engine), shape_(shape), dtype_(dtype), packed_(engine, size_t(packed_bytes(shape, p))), values_(engine, size_t(values_bytes(shape, dtype))) {
    Arena arena(packed_.data());
    matrices_ = layout(arena, shape, p);
}

int64_t QuantizedWeights::bytes(const Shape& shape, DType dtype, Packing packing) { return packed_bytes(shape, packing) + values_bytes(shape, dtype); }

const QuantizedMatrix* QuantizedWeights::find(int64_t offset) const {
    const int64_t layer = shape_.layer_of(offset);
    for (int32_t p = 0; layer >= 0 && p < APO_PROJECTIONS; p++) {
        if (shape_.projection(layer, p).weight == offset) return &matrices_[size_t(layer * APO_PROJECTIONS + p)];
    }
    return nullptr;
}

QuantizedMatrix* QuantizedWeights::find(int64_t offset) { return const_cast<QuantizedMatrix*>(static_cast<const QuantizedWeights*>(this)->find(offset)); }

void QuantizedWeights::multiply(Gemm g, int64_t offset) const {
    const int64_t rows = g.transpose_b ? g.n : g.k;
    const QuantizedMatrix* first = find(offset);
    // Projections of one product stand behind each other in both orders.
    const QuantizedMatrix* end = first;
    bool few = g.transpose_b && g.beta == 0;
    for (int64_t row = 0; row < rows; row += (end++)->rows) few = few && g.m <= engine_.ops.quantized_rows(*end);
    int64_t row = 0;
    for (const QuantizedMatrix* w = first; w != end; row += (w++)->rows) {
        if (few) {
            char* c = static_cast<char*>(g.c) + size_t(row) * bytes_of(dtype_);
            engine_.ops.quantized_product(engine_.device, {*w, g.m, dtype_, g.a, g.lda, c, g.ldc});
        } else {
            engine_.ops.dequantize(engine_.device, {*w, 0, w->count(), dtype_, values_.data() + size_t(row * w->columns) * bytes_of(dtype_)});
        }
    }
    if (few) return;
    g.b_type = dtype_, g.b = values_.data();
    engine_.ops.gemm(engine_.device, g);
}

void QuantizedWeights::read(int64_t offset, int64_t first, int64_t count, DType dtype, void* out) const {
    engine_.ops.dequantize(engine_.device, {*find(offset), first, count, dtype, out});
}

void QuantizedWeights::put(QuantizedMatrix& w, const PackedArrays& arrays) {
    auto copy = [&](const void* target, const void* source, size_t bytes) {
        if (bytes > 0) engine_.ops.copy_to_device(engine_.device, const_cast<void*>(target), source, bytes);
    };
    copy(w.codes, arrays.codes.data(), arrays.codes.size());
    copy(w.scales, arrays.scales.data(), arrays.scales.size() * sizeof(float));
    copy(w.scale_codes, arrays.scale_codes.data(), arrays.scale_codes.size());
    copy(w.scale_map, arrays.scale_map.data(), arrays.scale_map.size() * sizeof(float));
    w.scale_offset = arrays.scale_offset;
}

void QuantizedWeights::write(int64_t offset, const void* source, DType dtype) {
    QuantizedMatrix& w = *find(offset);
    put(w, pack(packing, w.rows, w.columns, source, dtype));
}

void QuantizedWeights::write_packed(int64_t offset, const apo_packed_matrix& source, const char* name) {
    QuantizedMatrix& w = *find(offset);
    auto all = [&](const char* what, const auto* array, int64_t count) {
        if (array == nullptr && count > 0) fail(APO_E_ARGUMENT, "%s: %s is null", name, what);
        return count == 0 ? std::vector<std::decay_t<decltype(*array)>>() : std::vector<std::decay_t<decltype(*array)>>(array, array + count);
    };
    PackedArrays arrays{all("codes", source.codes, codes_of(w)), all("scales", source.scales, scales_of(w)), all("scale_codes", source.scale_codes, scale_codes_of(w)),
                        all("scale_map", source.scale_map, scale_map_of(w)), packing == Packing::nf4 ? source.scale_offset : 0};
    auto finite = [](float x) { return std::isfinite(x); };
    if (!std::all_of(arrays.scales.begin(), arrays.scales.end(), finite) || !std::all_of(arrays.scale_map.begin(), arrays.scale_map.end(), finite) ||
        !finite(arrays.scale_offset)) {
        fail(APO_E_NUMERIC, "%s: a scale is NaN or infinite", name);
    }
    put(w, arrays);
}

void QuantizedWeights::copy_from(const QuantizedWeights& source) {
    engine_.ops.copy(engine_.device, packed_.data(), source.packed_.data(), packed_.bytes());
    for (size_t i = 0; i < matrices_.size(); i++) matrices_[i].scale_offset = source.matrices_[i].scale_offset;
}

}  // namespace apo
