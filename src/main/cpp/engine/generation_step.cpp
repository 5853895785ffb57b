#include "generation_step.h"

namespace apo {

namespace {

template <class T>
void put(apo_engine& engine, T* target, const T* source, size_t count) {
    if (count > 0) engine.ops.copy_to_device(engine.device, target, source, count * sizeof(T));
}

}  // namespace

GenerationStep::Arrays GenerationStep::layout(Arena& arena, const Room& room) {
    Arrays a{};
    a.slots = arena.take<int32_t>(room.tokens);
    a.rows = arena.take<int32_t>(room.tokens);
    a.page_begin = arena.take<int32_t>(room.sequences);
    a.lengths = arena.take<int32_t>(room.sequences);
    a.answers = arena.take<int32_t>(room.tokens);
    a.counts = arena.take<int32_t>(room.tokens);
    a.ids = arena.take<int32_t>(room.tokens);
    a.keys = arena.take<uint64_t>(room.tokens);
    a.logps = arena.take<float>(room.tokens);
    return a;
}

int64_t GenerationStep::bytes(const Room& room) {
    Arena measure;
    layout(measure, room);
    return int64_t(measure.used()) + room.pages * int64_t(sizeof(int32_t));
}

void GenerationStep::reserve(apo_engine& engine, const Room& room) {
    engine_ = &engine;
    Arena measure;
    layout(measure, room);
    memory_ = Buffer();
    memory_ = Buffer(engine, measure.used());
    Arena arena(memory_.data());
    arrays_ = layout(arena, room);
    if (pages_memory_.data() == nullptr) pages_memory_ = Buffer(engine, size_t(room.pages) * sizeof(int32_t));
}

void GenerationStep::clear() {
    for (std::vector<int32_t>* array : {&ids, &positions, &slots, &rows, &pages, &page_begin, &lengths, &answers, &counts}) array->clear();
    keys.clear();
}

void GenerationStep::upload() {
    // Answers list their prompt's pages each, so that the lists may be longer than the cache.
    const size_t bytes = pages.size() * sizeof(int32_t);
    if (bytes > pages_memory_.bytes()) {
        pages_memory_ = Buffer();
        pages_memory_ = Buffer(*engine_, 2 * bytes);
    }
    arrays_.pages = reinterpret_cast<int32_t*>(pages_memory_.data());
    put(*engine_, arrays_.slots, slots.data(), slots.size());
    put(*engine_, arrays_.pages, pages.data(), pages.size());
    put(*engine_, arrays_.page_begin, page_begin.data(), page_begin.size());
    put(*engine_, arrays_.lengths, lengths.data(), lengths.size());
}

void GenerationStep::upload_rows(int64_t begin, int64_t count) {
    put(*engine_, arrays_.rows, rows.data() + begin, size_t(count));
    put(*engine_, arrays_.keys, keys.data() + begin, size_t(count));
    put(*engine_, arrays_.answers, answers.data() + begin, size_t(count));
    put(*engine_, arrays_.counts, counts.data() + begin, size_t(count));
}

void GenerationStep::download_samples(int32_t* sampled_ids, float* sampled_logps, int64_t count) {
    engine_->ops.copy_to_host(engine_->device, sampled_ids, arrays_.ids, size_t(count) * sizeof(int32_t));
    engine_->ops.copy_to_host(engine_->device, sampled_logps, arrays_.logps, size_t(count) * sizeof(float));
}

}  // namespace apo
