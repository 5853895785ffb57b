#include "generation_step.h"

#include <algorithm>
#include <cstring>

namespace apo {

namespace {

struct Counts {
    int64_t tokens, draws, sequences, pages, scored, biases;
};

// What changes from step to step while the others stay is last: pages and biases, and tokens that are scored, which no step that is
// repeated has.
void layout(Arena& arena, const Counts& n, GenerationStep::Arrays& a) {
    a.ids = arena.take<int32_t>(n.tokens);
    a.positions = arena.take<int32_t>(n.tokens);
    a.slots = arena.take<int32_t>(n.tokens);
    a.rows = arena.take<int32_t>(n.draws);
    a.draws = arena.take<Draw>(n.draws);
    a.bias_begin = arena.take<int32_t>(n.draws + 1);
    a.page_begin = arena.take<int32_t>(n.sequences);
    a.lengths = arena.take<int32_t>(n.sequences);
    a.pages = arena.take<int32_t>(n.pages);
    a.bias_ids = arena.take<int32_t>(n.biases);
    a.bias = arena.take<float>(n.biases);
    a.scored_rows = arena.take<int32_t>(n.scored);
    a.targets = arena.take<int32_t>(n.scored);
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

Counts most(const GenerationStep::Room& room) { return {room.tokens, room.tokens, room.sequences, room.pages, 0, 0}; }

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
    for (std::vector<int32_t>* array :
         {&ids_, &positions_, &slots_, &pages_, &page_begin_, &lengths_, &rows_, &bias_ids_, &scored_rows_, &targets_}) {
        array->clear();
    }
    draws_.clear();
    bias_.clear();
    bias_begin_.assign(1, 0);
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

void GenerationStep::add_draw(int32_t row, const Draw& draw, const std::vector<int32_t>& biased, const std::vector<float>& bias) {
    rows_.push_back(row);
    draws_.push_back(draw);
    bias_ids_.insert(bias_ids_.end(), biased.begin(), biased.end());
    bias_.insert(bias_.end(), bias.begin(), bias.end());
    bias_begin_.push_back(int32_t(bias_.size()));
}

void GenerationStep::add_filling(int32_t row) { add_draw(row, Draw{}, {}, {}); }

void GenerationStep::add_scored(int32_t row, int32_t target) {
    scored_rows_.push_back(row);
    targets_.push_back(target);
}

void GenerationStep::upload() {
    const Counts n{tokens(), int64_t(rows_.size()), int64_t(lengths_.size()), int64_t(pages_.size()), scored(), int64_t(bias_.size())};
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
    put(on_host.draws, draws_);
    put(on_host.bias_begin, bias_begin_);
    put(on_host.bias_ids, bias_ids_);
    put(on_host.bias, bias_);
    put(on_host.scored_rows, scored_rows_);
    put(on_host.targets, targets_);
    put(on_host.page_begin, page_begin_);
    put(on_host.lengths, lengths_);
    put(on_host.pages, pages_);
    engine_->ops.copy_to_device(engine_->device, indices_.data(), packed_.data(), packed_.size());
}

void GenerationStep::draw(int64_t begin, int64_t rows, int64_t vocab, float* logits, int32_t* ids, float* logps) {
    const size_t id_bytes = size_t(rows) * sizeof(int32_t), logp_bytes = size_t(rows) * sizeof(float);
    auto* const drawn = reinterpret_cast<int32_t*>(samples_.data());
    auto* const drawn_logps = reinterpret_cast<float*>(samples_.data() + id_bytes);
    const bool some = std::any_of(draws_.begin() + begin, draws_.begin() + begin + rows,
                                  [&](const Draw& d) { return !d.greedy && ((d.top_k > 0 && d.top_k < vocab) || d.top_p < 1); });
    const bool biased = bias_begin_[size_t(begin + rows)] > bias_begin_[size_t(begin)];
    engine_->ops.sample(engine_->device, {rows, vocab, logits, arrays_.draws + begin, some, arrays_.bias_begin + begin, arrays_.bias_ids,
                                      biased ? arrays_.bias : nullptr, drawn, drawn_logps});
    packed_.resize(id_bytes + logp_bytes);
    engine_->ops.copy_to_host(engine_->device, packed_.data(), samples_.data(), packed_.size());
    std::memcpy(ids, packed_.data(), id_bytes);
    std::memcpy(logps, packed_.data() + id_bytes, logp_bytes);
}

GenerationStep::Tops GenerationStep::tops(int64_t rows, int64_t vocab, const float* logits, int32_t count, const int32_t* targets) {
    Tops t{int32_t(std::min<int64_t>(count, vocab)), {}, {}, {}};
    const size_t many = size_t(rows) * size_t(t.count), bytes = (2 * many + size_t(rows)) * sizeof(float);
    if (bytes > tops_.bytes()) {
        tops_ = Buffer();
        tops_ = Buffer(*engine_, bytes);
    }
    auto* const ids = reinterpret_cast<int32_t*>(tops_.data());
    auto* const logps = reinterpret_cast<float*>(ids + many);
    engine_->ops.top_logprobs(engine_->device, {rows, vocab, logits, t.count, ids, logps, targets, logps + many});
    packed_.resize(bytes);
    engine_->ops.copy_to_host(engine_->device, packed_.data(), tops_.data(), bytes);
    const auto* const found = reinterpret_cast<const int32_t*>(packed_.data());
    const auto* const found_logps = reinterpret_cast<const float*>(found + many);
    t.ids.assign(found, found + many);
    t.logps.assign(found_logps, found_logps + many);
    if (targets != nullptr) t.of_targets.assign(found_logps + many, found_logps + many + rows);
    return t;
}

}  // namespace apo
