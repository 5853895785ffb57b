#include "generator.h"

#include <algorithm>
#include <cmath>

#include "boundary.h"

namespace apo {

namespace {

constexpr int64_t kPrefillTokens = 2048;  // prompts are prefilled together up to here
constexpr int32_t kPrefillsInARow = 4;    // while answers run: they wait no longer for others' prompts

// Every sequence may waste a part of two pages.
int64_t page_count(const apo_generator_options& o) { return pages_for(o.cache_tokens) + 2 * int64_t(o.max_sequences); }

// One more page of the cache, behind those that are dealt, is of the rows that fill up a step.
static_assert(kMostFilling <= kPageSize, "each of them has a place there");

int64_t page_elements(const Shape& s) { return 2 * s.G * kPageSize * s.D; }

int64_t initial_tokens(const Shape& s, const apo_generator_options& o) {
    return std::max<int64_t>(o.max_sequences, std::min<int64_t>({s.config.max_positions, kPrefillTokens, o.cache_tokens}));
}

// Logits that are sampled from together, where the backend takes so many rows at once.
int64_t logit_rows(int64_t sequences) { return std::min<int64_t>(sequences, 256); }

void check_options(const apo_generator_options& o) {
    if (o.max_sequences < 1 || o.max_sequences > 65536) fail(APO_E_ARGUMENT, "max_sequences is %d; expected 1 to 65536", o.max_sequences);
    if (o.cache_tokens < 1 || o.cache_tokens > INT32_MAX / 2) {
        fail(APO_E_ARGUMENT, "cache_tokens is %lld; expected 1 to %d", (long long)o.cache_tokens, INT32_MAX / 2);
    }
}

int32_t checked_pages(const apo_generator_options& o) {
    check_options(o);
    return int32_t(page_count(o));
}

}  // namespace

GeneratorBytes generator_bytes(const NetworkShape& network, const HeadSizes& head, const apo_generator_options& o) {
    check_options(o);
    const Shape& s = network.model;
    const int64_t tokens = initial_tokens(s, o);
    return {s.L * (page_count(o) + 1) * page_elements(s) * int64_t(bytes_of(network.dtype)),
            workspace_bytes(network, head, tokens, Keep::nothing, logit_rows(o.max_sequences)),
            GenerationStep::bytes({tokens, o.max_sequences, page_count(o) + kMostFilling, int64_t(s.windows().size())})};
}

void TokenQueue::receive(const GenerationRequest& request, const GeneratedToken& token) {
    const size_t tops = size_t(token.tops);
    entries_.push_back({request.id, token, {token.top_ids, token.top_ids + tops}, {token.top_logps, token.top_logps + tops}});
}

void TokenQueue::poll(apo_tokens& out) {
    out.count = 0;
    for (; out.count < out.capacity && !entries_.empty(); entries_.pop_front()) {
        const Entry& e = entries_.front();
        const size_t i = size_t(out.count++);
        out.requests[i] = e.request;
        out.answers[i] = e.token.answer;
        out.ids[i] = e.token.id;
        out.finish[i] = e.token.finish;
        out.logps[i] = e.token.logp;
        out.tops[i] = e.token.tops;
        std::copy(e.top_ids.begin(), e.top_ids.end(), out.top_ids + i * APO_MOST_TOP);
        std::copy(e.top_logps.begin(), e.top_logps.end(), out.top_logps + i * APO_MOST_TOP);
    }
}

void TokenQueue::forget(int64_t request, int32_t answer) {
    const auto meant = [&](const Entry& e) { return e.request == request && (answer < 0 || e.token.answer == answer); };
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), meant), entries_.end());
}

}  // namespace apo

using namespace apo;

// Prompts: attention within the packed prompts, keys and values to the cache.
class apo_generator::Prefill final : public AttentionStep {
public:
    Prefill(apo_generator& generator, const std::vector<Segment>& segments) : g_(generator), packed_(generator.network.model, segments) {}
    void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float* lse) override {
        g_.append(layer, tokens, qkv);
        packed_.run(layer, tokens, qkv, attention, lse);
    }

private:
    apo_generator& g_;
    PackedAttention packed_;
};

// One token a sequence against the cache.
class apo_generator::Decode final : public AttentionStep {
public:
    // Shares out the attention of the layers that follow, of each window by itself.
    Decode(apo_generator& generator, int64_t tokens) : g_(generator) {
        for (size_t i = 0; i < shape().windows().size(); i++) ops().plan_decode(device(), op(int64_t(i), tokens, nullptr, nullptr, nullptr));
    }
    void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float*) override {
        g_.append(layer, tokens, qkv);
        ops().attention_decode(device(), op(shape().window_index(layer), tokens, qkv, g_.layer_cache(layer), attention));
    }

private:
    const Shape& shape() const { return g_.network.model.shape; }
    const OpTable& ops() const { return g_.network.model.engine.ops; }
    Device& device() const { return g_.network.model.engine.device; }
    AttentionDecode op(int64_t window, int64_t tokens, const void* qkv, const void* cache, void* out) const {
        const Shape& s = shape();
        const GenerationStep::Arrays& step = g_.step_.device();
        return {tokens, s.H, s.G, s.D, kPageSize, g_.network.model.dtype, s.windows()[size_t(window)], qkv, cache, step.pages,
                step.page_begin, step.lengths, g_.step_.plan(window), out};
    }
    apo_generator& g_;
};

apo_generator::apo_generator(apo_model& model, apo_adapter* adapter, const apo_generator_options& options)
    : network(model, adapter), opened_(network.top()), max_sequences_(options.max_sequences), pages_(checked_pages(options)),
      decoding_(model.engine), schedule_(max_sequences_, pages_) {
    if (network.value_head()) fail(APO_E_STATE, "the %s has a value head and cannot generate", network.top().kind());
    if (model.offloaded()) fail(APO_E_STATE, "the model's layers are offloaded, so that it cannot generate; create it without offloading");
    if (model.sharded() != nullptr) fail(APO_E_STATE, "the model's weights are shared out over ranks, so that it cannot generate; create it whole");
    const GeneratorBytes bytes = generator_bytes(network.shape(), head_sizes(model.engine.ops), options);
    cache_ = Buffer(model.engine, size_t(bytes.cache));
    reserve_tokens(initial_tokens(model.shape, options));
}

void apo_generator::reserve_tokens(int64_t tokens) {
    if (memory_.data() != nullptr && tokens <= workspace_.max_tokens) return;
    apo_engine& engine = network.model.engine;
    const int64_t most = std::max<int64_t>(tokens, max_sequences_);
    workspace_ = make_workspace(engine, memory_, network.shape(), most, Keep::nothing, logit_rows(max_sequences_));
    step_.reserve(engine, {most, max_sequences_, pages_ + kMostFilling, int64_t(network.model.shape.windows().size())});
}

void* apo_generator::layer_cache(int64_t layer) const {
    const apo_model& model = network.model;
    return cache_.data() + size_t(layer * (pages_ + 1) * page_elements(model.shape)) * bytes_of(model.dtype);
}

bool apo_generator::step() {
    for (const PageCopy& copy : schedule_.start()) copy_page(copy);
    const bool running = !schedule_.running().empty();
    std::vector<GenerationRequest*> prompts;
    if (schedule_.wants_prompt() && (!running || prefills_ < kPrefillsInARow)) prompts = schedule_.take_prompts(workspace_.max_tokens);
    if (!prompts.empty()) {
        prefills_++;
        prefill(prompts);
    } else if (running) {
        prefills_ = 0;
        decode();
    } else if (!schedule_.is_idle()) {
        const apo_generator_state s = state();
        fail(APO_E_INTERNAL, "generation stands still: %d answers wait for %lld free pages", s.waiting, (long long)s.pages_free);
    }
    schedule_.sweep();
    return !schedule_.is_idle();
}

void apo_generator::cancel(int64_t request, int32_t answer) {
    schedule_.cancel(request, answer);
    queue_.forget(request, answer);
}

void apo_generator::append(int64_t layer, int64_t tokens, const void* qkv) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    model.engine.ops.kv_append(model.engine.device, {tokens, s.H, s.G, s.D, kPageSize, model.dtype, qkv, step_.device().slots, layer_cache(layer)});
}

// The step's index arrays, the tokens' among them, which the transformer then reads there.
void apo_generator::upload() {
    step_.upload();
    workspace_.ids = step_.device().ids;
    workspace_.positions = step_.device().positions;
}

void apo_generator::copy_page(const PageCopy& copy) {
    const apo_model& model = network.model;
    const size_t bytes = size_t(page_elements(model.shape)) * bytes_of(model.dtype);
    for (int64_t l = 0; l < model.shape.L; l++) {
        char* cache = static_cast<char*>(layer_cache(l));
        model.engine.ops.copy(model.engine.device, cache + size_t(copy.to) * bytes, cache + size_t(copy.from) * bytes, bytes);
    }
}

namespace {

int32_t slot(const std::vector<int32_t>& pages, int32_t position) {
    return int32_t(pages[size_t(position / kPageSize)] * kPageSize + position % kPageSize);
}

}  // namespace

void apo_generator::add_draw(int32_t row, const RunningAnswer& a) {
    const GenerationRequest& r = *a.request;
    const apo_sampling& s = r.sampling;
    step_.add_draw(row, {s.greedy != 0, s.top_k, s.temperature, s.top_p, s.seed, r.key, a.index, a.count}, r.bias_ids, r.bias);
}

// Runs prompts, and samples the first token of all their answers.
void apo_generator::prefill(const std::vector<GenerationRequest*>& prompts) {
    step_.clear();
    std::vector<Segment> segments;
    std::vector<RunningAnswer> fresh;
    for (GenerationRequest* r : prompts) {
        const auto begin = int32_t(step_.tokens()), end = begin + r->length();
        segments.push_back({begin, end, 0, 0, 0});
        for (int32_t t = 0; t < r->length(); t++) {
            step_.add_token(r->tokens[size_t(t)], t, slot(r->pages, t));
            if (r->prompt_logps && t > 0) step_.add_scored(begin + t - 1, r->tokens[size_t(t)]);
        }
        for (int32_t k = 0; k < r->sampling.k; k++) {
            if (r->cancelled.count(k) > 0) continue;
            RunningAnswer a{};
            a.request = r, a.index = k;
            add_draw(end - 1, a);
            fresh.push_back(std::move(a));
        }
    }
    upload();
    Prefill attention(*this, segments);
    Progress silent(nullptr);
    WeightStream weights(network.model);
    transformer_forward(network, weights, workspace_, step_.tokens(), attention, silent);
    score_prompts(prompts);
    std::vector<RunningAnswer*> pointers;
    for (RunningAnswer& a : fresh) pointers.push_back(&a);
    sample(pointers, false);
    for (RunningAnswer& a : fresh) schedule_.add_ready(std::move(a));
}

// Tells the log-probs of prompts' tokens, where they are asked for.
void apo_generator::score_prompts(const std::vector<GenerationRequest*>& prompts) {
    int32_t top = 0;
    for (const GenerationRequest* r : prompts) top = std::max(top, r->prompt_logps ? r->top : 0);
    const int64_t V = network.model.shape.V, total = step_.scored(), chunk = head_rows();
    GenerationStep::Tops tops;
    int64_t begin = 0, end = 0;  // of the rows that tops has
    int64_t row = 0;
    for (const GenerationRequest* r : prompts) {
        for (int32_t t = 1; r->prompt_logps && t < r->length(); t++, row++) {
            if (row == end) {
                begin = row;
                end = std::min(total, begin + chunk);
                head_logits(network, WeightStream(network.model), workspace_, step_.device().scored_rows + begin, end - begin);
                tops = step_.tops(end - begin, V, workspace_.logits(), top, step_.device().targets + begin);
            }
            const size_t at = size_t(row - begin), list = at * size_t(tops.count);
            r->receiver->receive(*r, {-1, t, r->tokens[size_t(t)], APO_GOES_ON, tops.of_targets[at], std::min(r->top, tops.count),
                                      tops.ids.data() + list, tops.logps.data() + list});
        }
    }
}

// Rows behind the running answers' that nobody samples from, up to a number of rows that the device repeats, which is returned.
// Each reads the tokens of those before it and its own, on a page of theirs.
int64_t apo_generator::fill_up(int64_t answers) {
    const int64_t rows = std::min<int64_t>(decoding_.rows(answers), max_sequences_);
    const std::vector<int32_t> page{pages_};
    for (int64_t row = answers; row < rows; row++) {
        const int32_t place = int32_t(row - answers);
        step_.add_token(0, 0, slot(page, place));
        step_.add_sequence(page, place + 1);
        step_.add_filling(int32_t(row));
    }
    return rows;
}

// One token for every running answer.
void apo_generator::decode() {
    step_.clear();
    std::vector<RunningAnswer*> rows;
    for (RunningAnswer& a : schedule_.running()) {
        const int32_t position = a.request->length() + a.count - 1;
        schedule_.extend(a);
        step_.add_token(a.last, position, slot(a.pages, position));
        step_.add_sequence(a.pages, position + 1);
        add_draw(int32_t(rows.size()), a);
        rows.push_back(&a);
    }
    const int64_t count = fill_up(int64_t(rows.size()));
    upload();
    // All rows' logits are made here where they fit at once. Sampling is not: what it depends on changes with the call.
    const bool whole = count <= head_rows();
    decoding_.run(count, [&] {
        Decode attention(*this, count);
        Progress silent(nullptr);
        WeightStream weights(network.model);
        transformer_forward(network, weights, workspace_, count, attention, silent);
        if (whole) head_logits(network, weights, workspace_, step_.device().rows, count);
    });
    sample(rows, whole);
}

// Appends a token to each answer, in the order of the draws, and tells it. has_logits: the head has run for all of them.
void apo_generator::sample(const std::vector<RunningAnswer*>& answers, bool has_logits) {
    const int64_t chunk = head_rows(), total = int64_t(answers.size()), V = network.model.shape.V;
    std::vector<int32_t> ids(size_t(std::min(chunk, total)));
    std::vector<float> logps(ids.size());
    for (int64_t begin = 0; begin < total; begin += chunk) {
        const int64_t rows = std::min(chunk, total - begin);
        if (!has_logits) head_logits(network, WeightStream(network.model), workspace_, step_.device().rows + begin, rows);
        step_.draw(begin, rows, V, workspace_.logits(), ids.data(), logps.data());
        int32_t top = 0;
        for (int64_t i = 0; i < rows; i++) top = std::max(top, answers[size_t(begin + i)]->request->top);
        const GenerationStep::Tops tops = top > 0 ? step_.tops(rows, V, workspace_.logits(), top, nullptr) : GenerationStep::Tops{};
        for (int64_t i = 0; i < rows; i++) {
            RunningAnswer& a = *answers[size_t(begin + i)];
            const GenerationRequest& r = *a.request;
            a.last = ids[size_t(i)];
            a.count++;
            const bool stopped = std::find(r.stops.begin(), r.stops.end(), a.last) != r.stops.end();
            const int32_t finish = !std::isfinite(logps[size_t(i)]) ? APO_NOT_FINITE : stopped ? APO_STOPPED
                                   : a.count == r.sampling.max_new_tokens ? APO_CUT : APO_GOES_ON;
            a.over = finish != APO_GOES_ON;
            const size_t list = size_t(i) * size_t(tops.count);
            r.receiver->receive(r, {a.index, a.count - 1, a.last, finish, logps[size_t(i)], std::min(r.top, tops.count), tops.ids.data() + list,
                                    tops.logps.data() + list});
        }
    }
}
