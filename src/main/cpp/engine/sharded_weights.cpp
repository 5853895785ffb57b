#include "sharded_weights.h"

#include <numeric>

namespace apo {

ShardedWeights::ShardedWeights(apo_engine& engine, const Shape& shape, DType dtype)
    : engine_(engine), shape_(shape), dtype_(dtype), parts_(shape.units().parts(engine.ranks(), engine.rank(), false)),
      own_(engine, size_t(shape.parameters() / engine.ranks()) * bytes_of(dtype)) {
    for (int64_t elements : slot_elements(shape)) slots_.emplace_back(engine, size_t(elements) * bytes_of(dtype));
    held_.assign(slots_.size(), -1);
}

std::vector<int64_t> ShardedWeights::slot_elements(const Shape& shape) {
    const Units& units = shape.units();
    const int64_t layer = units[shape.layer_unit(0)].elements, embedding = units[shape.embedding_unit()].elements, last = units[shape.last_unit()].elements;
    if (shape.head_is_embedding()) return {layer, layer, embedding, last};
    return {layer, layer, std::max(embedding, last)};
}

int64_t ShardedWeights::bytes(const Shape& shape, DType dtype) {
    const std::vector<int64_t> slots = slot_elements(shape);
    return (shape.parameters() / shape.ranks + std::accumulate(slots.begin(), slots.end(), int64_t(0))) * int64_t(bytes_of(dtype));
}

char* ShardedWeights::at(int64_t offset) const {
    const Part& part = parts_[size_t(shape_.units().of(offset))];
    if (offset < part.begin || offset >= part.begin + part.elements) fail(APO_E_STATE, "the weights are shared out over ranks, and this one has not got them");
    return own_.data() + size_t(part.local + offset - part.begin) * bytes_of(dtype_);
}

size_t ShardedWeights::slot_of(int64_t unit) const {
    if (unit == shape_.embedding_unit()) return 2;
    if (unit == shape_.last_unit()) return slots_.size() - 1;
    return size_t(unit % 2);
}

char* ShardedWeights::place(int64_t unit) const { return slots_[slot_of(unit)].data(); }

void ShardedWeights::fetch(int64_t unit) {
    int64_t& held = held_[slot_of(unit)];
    if (held == unit) return;
    const Part& part = parts_[size_t(unit)];
    const size_t bytes = size_t(part.elements) * bytes_of(dtype_);
    engine_.ops.copy(engine_.device, place(unit) + size_t(engine_.rank()) * bytes, own_.data() + size_t(part.local) * bytes_of(dtype_), bytes);
    engine_.ops.all_gather(engine_.device, {place(unit), bytes});
    held = unit;
}

const char* ShardedWeights::unit(int64_t unit) {
    fetch(unit);
    engine_.ops.await_lane(engine_.device, {Lane::weights, 0});
    return place(unit);
}

}  // namespace apo
