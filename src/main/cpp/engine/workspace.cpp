#include "workspace.h"

#include <algorithm>

namespace apo {

namespace {

// t of the paths beside each group of a layer, or, of layers that share memory (-1), of the widest of them. Where nothing is kept the
// groups share it too.
void layout_low_rank(Arena& arena, const NetworkShape& network, int64_t T, bool kept, int64_t layer, LayerActivations& a) {
    int64_t ranks[kGroups] = {}, most = 0;
    for (int32_t g = 0; network.adapter != nullptr && g < kGroups; g++) {
        const auto group = static_cast<Group>(g);
        ranks[g] = layer < 0 ? network.adapter->most_ranks(group) : network.adapter->group(layer, group).ranks;
        most = std::max(most, ranks[g]);
    }
    void* shared = kept || most == 0 ? nullptr : arena.take_elements(T * most, network.dtype);
    for (int32_t g = 0; g < kGroups; g++) a.low_rank[g] = kept && ranks[g] > 0 ? arena.take_elements(T * ranks[g], network.dtype) : shared;
}

LayerActivations layout_layer(Arena& arena, const NetworkShape& network, int64_t T, bool separate_middle, int64_t layer) {
    const Shape& s = network.model;
    const DType dtype = network.dtype;
    LayerActivations a{};
    a.input = arena.take_elements(T * s.C, dtype);
    a.input_rstd = arena.take<float>(T);
    a.qkv = arena.take_elements(T * s.qkv_width, dtype);
    if (s.config.qk_norm) {
        a.q_saved = separate_middle ? arena.take_elements(T * s.H * s.D, dtype) : nullptr;
        a.k_saved = separate_middle ? arena.take_elements(T * s.G * s.D, dtype) : nullptr;
        a.q_rstd = arena.take<float>(T * s.H);
        a.k_rstd = arena.take<float>(T * s.G);
    }
    a.attention = arena.take_elements(T * s.output_width, dtype);
    a.lse = arena.take<float>(T * s.H);
    a.middle = separate_middle ? arena.take_elements(T * s.C, dtype) : a.input;
    a.middle_rstd = arena.take<float>(T);
    a.gate_up = arena.take_elements(T * 2 * s.F, dtype);
    layout_low_rank(arena, network, T, separate_middle, layer, a);
    return a;
}

void layout_layers(Arena& arena, Workspace& w, const NetworkShape& network, int64_t T) {
    const Shape& s = network.model;
    switch (w.keep) {
        case Keep::nothing:
            w.layers.assign(size_t(s.L), layout_layer(arena, network, T, false, -1));
            break;
        case Keep::inputs:
            w.layers.assign(size_t(s.L), layout_layer(arena, network, T, true, -1));
            for (int64_t l = 1; l < s.L; l++) w.layers[size_t(l)].input = arena.take_elements(T * s.C, network.dtype);
            break;
        case Keep::all:
            for (int64_t l = 0; l < s.L; l++) w.layers.push_back(layout_layer(arena, network, T, true, l));
            break;
    }
}

}  // namespace

Workspace layout_workspace(Arena& arena, const NetworkShape& network, const HeadSizes& head, int64_t T, Keep keep, int64_t logit_rows) {
    const Shape& s = network.model;
    const DType dtype = network.dtype;
    const bool backward = keep != Keep::nothing;
    Workspace w{};
    w.max_tokens = T;
    w.keep = keep;
    layout_layers(arena, w, network, T);

    w.ids = arena.take<int32_t>(T);
    w.positions = arena.take<int32_t>(T);
    w.rows = arena.take<int32_t>(T);
    w.targets = arena.take<int32_t>(T);
    w.answer_begin = arena.take<int32_t>(T + 1);
    w.answer_ends = arena.take<int32_t>(T);
    w.normed = arena.take_elements(T * s.C, dtype);
    w.delta = arena.take_elements(T * s.C, dtype);
    w.swiglu = arena.take_elements(T * s.F, dtype);
    w.last = backward ? arena.take_elements(T * s.C, dtype) : w.layers.back().middle;
    w.last_rstd = arena.take<float>(T);
    w.hidden = arena.take_elements(T * s.C, dtype);

    w.chunk_rows = network.value_head() ? T : head.rows(T, s.C, s.V, backward);
    w.head_scratch_bytes = network.value_head() ? 0 : head.scratch(w.chunk_rows, s.C, s.V, dtype, backward);
    const size_t logit_row = size_t(s.V) * sizeof(float);
    w.head_scratch_bytes = std::max(w.head_scratch_bytes, size_t(std::min(logit_rows, w.chunk_rows)) * logit_row);
    w.logit_rows = std::min(w.chunk_rows, int64_t(w.head_scratch_bytes / logit_row));
    w.head_scratch = arena.take<char>(int64_t(w.head_scratch_bytes));
    w.chunk_hidden = arena.take_elements(w.chunk_rows * s.C, dtype);
    w.logp = arena.take<float>(T);
    w.lse = arena.take<float>(T);
    if (!backward) return w;

    w.chunk_dhidden = arena.take_elements(w.chunk_rows * s.C, dtype);
    w.coef = arena.take<float>(T);
    w.dstream = arena.take_elements(T * s.C, dtype);
    w.dnormed = arena.take_elements(T * s.C, dtype);
    w.dqkv = arena.take_elements(T * s.qkv_width, dtype);
    w.dattention = arena.take_elements(T * s.output_width, dtype);
    w.dswiglu = arena.take_elements(T * s.F, dtype);
    if (network.adapter == nullptr) return w;
    int64_t most = 0;
    for (int32_t g = 0; g < kGroups; g++) most = std::max(most, network.adapter->most_ranks(static_cast<Group>(g)));
    w.low_rank_gradient = arena.take_elements(T * most, dtype);
    if (network.adapter->dropout > 0) w.dropped = arena.take_elements(T * network.adapter->widest_input(), dtype);
    return w;
}

Workspace make_workspace(apo_engine& engine, Buffer& memory, const NetworkShape& network, int64_t max_tokens, Keep keep, int64_t logit_rows) {
    const HeadSizes head = head_sizes(engine.ops);
    Arena measure;
    layout_workspace(measure, network, head, max_tokens, keep, logit_rows);
    memory = Buffer();  // what was there before goes first
    memory = Buffer(engine, measure.used());
    Arena arena(memory.data());
    return layout_workspace(arena, network, head, max_tokens, keep, logit_rows);
}

WorkspaceBytes workspace_bytes(const NetworkShape& network, const HeadSizes& head, int64_t max_tokens, Keep keep, int64_t logit_rows) {
    Arena all, layers;
    layout_workspace(all, network, head, max_tokens, keep, logit_rows);
    Workspace w{};
    w.keep = keep;
    layout_layers(layers, w, network, max_tokens);
    return {int64_t(layers.used()), int64_t(all.used() - layers.used())};
}

}  // namespace apo
