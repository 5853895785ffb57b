#include "merge.h"

#include <algorithm>

namespace apo {

namespace {

// Memory for one matrix in f32 and for a scaled B.
struct Room {
    Buffer matrix, b;
};

Room make_room(apo_engine& engine, const apo_adapter& adapter) {
    int64_t matrix = 0, b = 0;
    for (int64_t l = 0; l < adapter.model.shape.L; l++) {
        for (int32_t g = 0; g < kGroups; g++) {
            const LowRankGroup& group = adapter.shape.group(l, static_cast<Group>(g));
            for (const LowRank& part : group.parts) {
                matrix = std::max(matrix, part.out * group.in);
                b = std::max(b, part.out * part.rank);
            }
        }
    }
    return {Buffer(engine, size_t(matrix) * sizeof(float)), Buffer(engine, size_t(b) * sizeof(float))};
}

void merge_path(apo_model& target, const apo_model& source, const apo_adapter& adapter, const LowRankGroup& group, const LowRank& part,
                int64_t weight, const Room& room) {
    const OpTable& ops = target.engine.ops;
    Device& device = target.engine.device;
    const int64_t elements = part.out * group.in;
    source.values(weight, elements, DType::f32, room.matrix.data());
    ops.copy(device, room.b.data(), adapter.at(part.b), size_t(part.out * part.rank) * sizeof(float));
    ops.scale(device, {part.out, part.rank, part.rank, DType::f32, room.b.data(), part.scale});
    Gemm g{};
    g.m = part.out, g.n = group.in, g.k = part.rank;
    g.a_type = g.b_type = g.c_type = DType::f32;
    g.a = room.b.data(), g.lda = part.rank, g.b = adapter.at(group.a + part.column * group.in), g.ldb = group.in;
    g.c = room.matrix.data(), g.ldc = group.in, g.beta = 1;
    ops.gemm(device, g);
    ops.convert(device, {elements, DType::f32, room.matrix.data(), target.dtype, target.at(weight)});
}

}  // namespace

void merge(apo_model& target, const apo_model& source, apo_adapter& adapter) {
    if (&adapter.model != &source) fail(APO_E_ARGUMENT, "the adapter is another model's than the source");
    if (target.shape.value_head() != adapter.shape.value_head()) {
        fail(APO_E_ARGUMENT, "the adapter has %s head and the target %s head", adapter.shape.value_head() ? "a value" : "the LM",
             target.shape.value_head() ? "a value" : "an LM");
    }
    if (target.quantized() != nullptr) fail(APO_E_ARGUMENT, "target's weights are packed; a merge is into an ordinary model, for packing again loses most of the adapter");
    if (source.sharded() != nullptr || target.sharded() != nullptr) fail(APO_E_ARGUMENT, "weights that are shared out over ranks are not merged into; create the models whole");
    if (&target != &source) target.copy_from(source);
    const Room room = make_room(target.engine, adapter);
    for (int64_t l = 0; l < source.shape.L; l++) {
        const LayerOffsets& at = source.shape.layer(l);
        const int64_t weights[kGroups] = {at.qkv, at.output, at.gate_up, at.down};
        for (int32_t g = 0; g < kGroups; g++) {
            const LowRankGroup& group = adapter.shape.group(l, static_cast<Group>(g));
            for (const LowRank& part : group.parts) merge_path(target, source, adapter, group, part, weights[g] + part.first * group.in, room);
        }
    }
    if (!adapter.shape.value_head()) return;
    target.engine.ops.convert(target.engine.device, {source.shape.C, DType::f32, adapter.at(adapter.shape.score()), target.dtype, target.at(target.shape.head())});
}

}  // namespace apo
