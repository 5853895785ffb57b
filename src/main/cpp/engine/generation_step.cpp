#include "generation_step.h"

#include <cstring>

namespace apo {

namespace {

struct Counts {
    int64_t tokens, draws, sequences, pages;
};

// The pages stand last: their number changes from step to step while the others stay.
void layout(Arena& arena, const Counts& n, GenerationStep::Arrays& a) {
    a.ids = arena.take<int32_t>(n.tokens);
    a.positions = arena.take<int32_t>(n.tokens);
    a.slots = arena.take<int32_t>(n.tokens);
    a.rows = arena.take<int32_t>(n.draws);
    a.keys = arena.take<uint64_t>(n.draws);
    a.answers = arena.take<int32_t>(n.draws);
    a.counts = arena.take<int32_t>(n.draws);
    a.page_begin = arena.take<int32_t>(n.sequences);
    a.lengths = arena.take<int32_t>(n.sequences);
    a.pages = arena.take<int32_t>(n.pages);
}

size_t bytes_of(const Counts& n) {
    Arena measure;
    GenerationStep::Arrays unused{};
    layout(measure, n, unused);
    return measure.used();
}

template <class T>
void put(T* target, const std::vector<T>& source) {
    if (!source.empty()) std::memcpy(target, source.data(), source.size() * sizeof(T));
}

Counts most(const GenerationStep::Room& room) { return {room.tokens, room.tokens, room.sequences, room.pages}; }

size_t sample_bytes(const GenerationStep::Room& room) { return size_t(room.tokens) * (sizeof(int32_t) + sizeof(float)); }

}  // namespace

int64_t GenerationStep::bytes(const Room& room) {
    return int64_t(bytes_of(most(room)) + sample_bytes(room) + size_t(room.plans) * decode_plan_bytes(room.sequences));
}

void GenerationStep::reserve(apo_engine& engine, const Room& room) {
    engine_ = &engine;
    indices_ = Buffer();
    samples_ = Buffer();
    plans_ = Buffer();
    indices_ = Buffer(engine, bytes_of(most(room)));
    samples_ = Buffer(engine, sample_bytes(room));
    plan_bytes_ = decode_plan_bytes(room.sequences);
    plans_ = Buffer(engine, size_t(room.plans) * plan_bytes_);
}

void GenerationStep::clear() {
    for (std::vector<int32_t>* array : {&ids_, &positions_, &slots_, &pages_, &page_begin_, &lengths_, &rows_, &answers_, &counts_}) {
        array->clear();
    }
    keys_.clear();
}

void GenerationStep::add_token(int32_t id, int32_t position, int32_t slot) {
    ids_.push_back(id);
    positions_.push_back(position);
    slots_.push_back(slot);
}

void GenerationStep::add_sequence(const std::vector<int32_t>& its_pages, int32_t length) {
    page_begin_.push_back(int32_t(pages_.size()));
    pages_.insert(pages_.end(), its_pages.begin(), its_pages.end());
    lengths_.push_back(length);
}

void GenerationStep::add_draw(int32_t row, uint64_t key, int32_t answer, int32_t count) {
    rows_.push_back(row);
    keys_.push_back(key);
    answers_.push_back(answer);
    counts_.push_back(count);
}

void GenerationStep::upload() {
    const Counts n{tokens(), int64_t(rows_.size()), int64_t(lengths_.size()), int64_t(pages_.size())};
    packed_.resize(bytes_of(n));
    // Answers list their prompt's pages each, so that the lists may be longer than the cache; a prompt may have many answers.
    if (packed_.size() > indices_.bytes()) {
        indices_ = Buffer();
        indices_ = Buffer(*engine_, 2 * packed_.size());
    }
    Arena host(packed_.data()), device(indices_.data());
    Arrays on_host{};
    layout(host, n, on_host);
    layout(device, n, arrays_);
    put(on_host.ids, ids_);
    put(on_host.positions, positions_);
    put(on_host.slots, slots_);
    put(on_host.rows, rows_);
    put(on_host.keys, keys_);
    put(on_host.answers, answers_);
    put(on_host.counts, counts_);
    put(on_host.page_begin, page_begin_);
    put(on_host.lengths, lengths_);
    put(on_host.pages, pages_);
    engine_->ops.copy_to_device(engine_->device, indices_.data(), packed_.data(), packed_.size());
}

GenerationStep::Samples GenerationStep::samples(int64_t count) const {
    char* const ids = samples_.data();
    return {reinterpret_cast<int32_t*>(ids), reinterpret_cast<float*>(ids + size_t(count) * sizeof(int32_t))};
}

void GenerationStep::download(int64_t count, int32_t* sampled_ids, float* sampled_logps) {
    const size_t ids = size_t(count) * sizeof(int32_t), logps = size_t(count) * sizeof(float);
    packed_.resize(ids + logps);
    engine_->ops.copy_to_host(engine_->device, packed_.data(), samples_.data(), ids + logps);
    std::memcpy(sampled_ids, packed_.data(), ids);
    std::memcpy(sampled_logps, packed_.data() + ids, logps);
}

}  // namespace apo
