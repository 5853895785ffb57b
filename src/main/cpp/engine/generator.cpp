#include "generator.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "boundary.h"

namespace apo {

namespace {

constexpr int64_t kPageSize = 16;        // tokens; a multiple of every vector width
constexpr int64_t kPrefillTokens = 2048; // prompts are prefilled together up to here

int64_t pages_for(int64_t tokens) { return (tokens + kPageSize - 1) / kPageSize; }

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

void check_sampling(const apo_sampling& s) {
    if (s.k < 1 || s.k > 65536) fail(APO_E_ARGUMENT, "sampling.k is %d; expected 1 to 65536", s.k);
    if (s.max_new_tokens < 1) fail(APO_E_ARGUMENT, "sampling.max_new_tokens is %d; expected 1 or more", s.max_new_tokens);
    if (s.stop_count < 0) fail(APO_E_ARGUMENT, "sampling.stop_count is %d; expected 0 or more", s.stop_count);
    if (s.stop_count > 0) required(s.stop_ids, "sampling.stop_ids");
    if (s.greedy) return;
    if (!(s.temperature > 0) || !std::isfinite(s.temperature)) {
        fail(APO_E_ARGUMENT, "sampling.temperature is %g; expected a positive number", s.temperature);
    }
    if (!(s.top_p > 0 && s.top_p <= 1)) fail(APO_E_ARGUMENT, "sampling.top_p is %g; expected more than 0 and at most 1", s.top_p);
    if (s.top_k < 0) fail(APO_E_ARGUMENT, "sampling.top_k is %d; expected 0 (all) or more", s.top_k);
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

// One call of generate: which answers run, which wait, and what they hold.
class GenerationRun {
public:
    GenerationRun(apo_generator& generator, const apo_prompts& prompts, const apo_sampling& sampling, const apo_answers& answers,
                  Progress& progress)
        : g_(generator), model_(generator.network.model), s_(model_.shape), sampling_(sampling), out_(answers), progress_(progress),
          pool_(generator.pages_), step_(generator.step_), stop_ids_(sampling.stop_ids, sampling.stop_ids + sampling.stop_count) {
        read_prompts(prompts);
        progress_.expect(int64_t(prompts_.size()) * sampling_.k * sampling_.max_new_tokens);
    }

    void run() {
        while (next_prompt_ < prompts_.size() || !ready_.empty() || !active_.empty()) {
            progress_.check();
            start_ready();
            if (ready_.empty() && next_prompt_ < prompts_.size() && int32_t(active_.size()) < g_.max_sequences_) {
                prefill();
                continue;
            }
            decode();
        }
    }

private:
    struct Prompt {
        const int32_t* tokens;
        int32_t length;
        uint64_t key;
        int32_t waiting;              // answers that have not started
        std::vector<int32_t> pages;   // held while answers wait
    };
    struct Answer {
        int32_t prompt, index;        // of the prompt's K
        int32_t count = 0;            // tokens so far; the last is not in the cache yet
        int32_t last = 0;
        double sum = 0;
        int64_t reserved = 0;         // pages that it may still acquire
        std::vector<int32_t> pages;
    };

    // Prompts: attention within the packed prompts, keys and values to the cache.
    class Prefill final : public AttentionStep {
    public:
        Prefill(GenerationRun& run, const std::vector<Segment>& segments) : run_(run), packed_(run.model_, segments) {}
        void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float* lse) override {
            run_.append(layer, tokens, qkv);
            packed_.run(layer, tokens, qkv, attention, lse);
        }

    private:
        GenerationRun& run_;
        PackedAttention packed_;
    };

    // One token a sequence against the cache.
    class Decode final : public AttentionStep {
    public:
        // Shares out the attention of the layers that follow, of each window by itself.
        Decode(GenerationRun& run, int64_t tokens) : run_(run) {
            for (size_t i = 0; i < run.s_.windows().size(); i++) ops().plan_decode(device(), op(int64_t(i), tokens, nullptr, nullptr, nullptr));
        }
        void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float*) override {
            run_.append(layer, tokens, qkv);
            ops().attention_decode(device(), op(run_.s_.window_index(layer), tokens, qkv, run_.g_.layer_cache(layer), attention));
        }

    private:
        const OpTable& ops() const { return run_.model_.engine.ops; }
        Device& device() const { return run_.model_.engine.device; }
        AttentionDecode op(int64_t window, int64_t tokens, const void* qkv, const void* cache, void* out) const {
            const Shape& s = run_.s_;
            const GenerationStep::Arrays& step = run_.step_.device();
            return {tokens, s.H, s.G, s.D, kPageSize, run_.model_.dtype, s.windows()[size_t(window)], qkv, cache, step.pages,
                    step.page_begin, step.lengths, run_.step_.plan(window), out};
        }
        GenerationRun& run_;
    };

    void read_prompts(const apo_prompts& prompts) {
        const int32_t* tokens = prompts.tokens;
        int64_t longest = 0;
        for (int32_t i = 0; i < prompts.count; i++) {
            const int32_t length = prompts.lengths[i];
            if (length < 1) fail(APO_E_ARGUMENT, "prompt %d has length %d; expected 1 or more", i, length);
            if (int64_t(length) + sampling_.max_new_tokens > s_.config.max_positions) {
                fail(APO_E_ARGUMENT, "prompt %d has %d tokens, with %d new ones; the model has %d positions", i, length,
                     sampling_.max_new_tokens, s_.config.max_positions);
            }
            for (int32_t t = 0; t < length; t++) {
                if (tokens[t] < 0 || tokens[t] >= s_.V) {
                    fail(APO_E_ARGUMENT, "token %d of prompt %d is %d; the vocabulary has %lld", t, i, tokens[t], (long long)s_.V);
                }
            }
            prompts_.push_back({tokens, length, prompts.keys[i], sampling_.k, {}});
            const int64_t needed = pages_for(length) + answer_pages(prompts_.back());
            if (needed > pool_.size()) {
                fail(APO_E_ARGUMENT, "prompt %d and an answer need a cache of %lld tokens; the generator has %lld", i,
                     (long long)(needed * kPageSize), (long long)pool_.size() * kPageSize);
            }
            tokens += length;
            longest = std::max<int64_t>(longest, length);
        }
        g_.reserve_tokens(longest);
    }

    // Pages of an answer's own: the copied rest of the prompt's last page, and its tokens but the last, which is never read.
    int64_t answer_pages(const Prompt& p) const {
        return pages_for(int64_t(p.length) + sampling_.max_new_tokens - 1) - p.length / kPageSize;
    }

    int64_t free_pages() const { return pool_.available() - reserved_; }

    void append(int64_t layer, int64_t tokens, const void* qkv) {
        model_.engine.ops.kv_append(model_.engine.device, {tokens, s_.H, s_.G, s_.D, kPageSize, model_.dtype, qkv,
                                                           step_.device().slots, g_.layer_cache(layer)});
    }

    // The step's index arrays, the tokens' among them, which the transformer then reads there.
    void upload() {
        step_.upload();
        g_.workspace_.ids = step_.device().ids;
        g_.workspace_.positions = step_.device().positions;
    }

    static int32_t slot(const std::vector<int32_t>& pages, int32_t position) {
        return int32_t(pages[size_t(position / kPageSize)] * kPageSize + position % kPageSize);
    }

    // Rows that go through the head together.
    int64_t head_rows() const { return std::min(g_.workspace_.logit_rows, g_.workspace_.max_tokens); }

    // Runs prompts as far as tokens and pages go, and samples the first token of all their answers.
    void prefill() {
        step_.clear();
        std::vector<Segment> segments;
        const size_t first = next_prompt_;
        int64_t largest_answer = 0;
        for (; next_prompt_ < prompts_.size(); next_prompt_++) {
            Prompt& p = prompts_[next_prompt_];
            const int64_t begin = step_.tokens();
            // One answer must be able to run with what the waiting prompts hold.
            const int64_t answer = std::max(largest_answer, answer_pages(p));
            const bool enough = int64_t(ready_.size()) + int64_t(next_prompt_ - first) * sampling_.k + int64_t(active_.size()) >= g_.max_sequences_;
            const bool fits = begin + p.length <= g_.workspace_.max_tokens && pages_for(p.length) + answer <= free_pages();
            if (next_prompt_ > first && (enough || !fits)) break;
            if (!fits) break;
            largest_answer = answer;
            for (int64_t i = 0; i < pages_for(p.length); i++) p.pages.push_back(pool_.acquire());
            segments.push_back({int32_t(begin), int32_t(begin + p.length), 0, 0, 0});
            for (int32_t t = 0; t < p.length; t++) step_.add_token(p.tokens[t], t, slot(p.pages, t));
        }
        if (next_prompt_ == first) {  // no room beside the running answers
            decode();
            return;
        }
        std::vector<Answer> fresh;
        for (size_t i = first; i < next_prompt_; i++) {
            for (int32_t k = 0; k < sampling_.k; k++) {
                Answer a;
                a.prompt = int32_t(i), a.index = k;
                step_.add_draw(segments[i - first].end - 1, prompts_[i].key, k, 0);
                fresh.push_back(std::move(a));
            }
        }
        upload();
        Prefill attention(*this, segments);
        Progress silent(nullptr);
        WeightStream weights(model_);
        transformer_forward(g_.network, weights, g_.workspace_, step_.tokens(), attention, silent);
        std::vector<Answer*> pointers;
        for (Answer& a : fresh) pointers.push_back(&a);
        sample(pointers, false);
        for (Answer& a : fresh) {
            if (finished(a)) {
                started(prompts_[size_t(a.prompt)]);
            } else {
                ready_.push_back(std::move(a));
            }
        }
    }

    // Gives waiting answers a place while there are places and pages.
    void start_ready() {
        while (!ready_.empty() && int32_t(active_.size()) < g_.max_sequences_) {
            Prompt& p = prompts_[size_t(ready_.front().prompt)];
            const int64_t needed = answer_pages(p);
            if (needed > free_pages()) break;
            Answer a = std::move(ready_.front());
            ready_.pop_front();
            a.reserved = needed;
            reserved_ += needed;
            const size_t whole = size_t(p.length / kPageSize);
            for (size_t i = 0; i < whole; i++) {
                pool_.hold(p.pages[i]);
                a.pages.push_back(p.pages[i]);
            }
            if (p.length % kPageSize != 0) copy_page(p.pages[whole], acquire(a));
            started(p);
            active_.push_back(std::move(a));
        }
    }

    // After the last answer of a prompt has started, the prompt itself needs its pages no more.
    void started(Prompt& p) {
        if (--p.waiting > 0) return;
        for (int32_t page : p.pages) pool_.release(page);
        p.pages.clear();
    }

    int32_t acquire(Answer& a) {
        const int32_t page = pool_.acquire();
        a.pages.push_back(page);
        a.reserved--;
        reserved_--;
        return page;
    }

    void copy_page(int32_t from, int32_t to) {
        const size_t bytes = size_t(page_elements(s_)) * bytes_of(model_.dtype);
        for (int64_t l = 0; l < s_.L; l++) {
            char* cache = static_cast<char*>(g_.layer_cache(l));
            model_.engine.ops.copy(model_.engine.device, cache + size_t(to) * bytes, cache + size_t(from) * bytes, bytes);
        }
    }

    // Rows behind the running answers' that nobody samples from, up to a number of rows that the device repeats, which is returned.
    // Each reads the tokens of those before it and its own, on a page of theirs.
    int64_t fill_up(int64_t answers) {
        const int64_t rows = std::min<int64_t>(g_.decoding_.rows(answers), g_.max_sequences_);
        const std::vector<int32_t> page{g_.pages_};
        for (int64_t row = answers; row < rows; row++) {
            const int32_t place = int32_t(row - answers);
            step_.add_token(0, 0, slot(page, place));
            step_.add_sequence(page, place + 1);
            step_.add_draw(int32_t(row), 0, 0, 0);
        }
        return rows;
    }

    // One token for every running answer.
    void decode() {
        step_.clear();
        std::vector<Answer*> rows;
        for (Answer& a : active_) {
            const Prompt& p = prompts_[size_t(a.prompt)];
            const int32_t position = p.length + a.count - 1;
            if (position / kPageSize >= int64_t(a.pages.size())) acquire(a);
            step_.add_token(a.last, position, slot(a.pages, position));
            step_.add_sequence(a.pages, position + 1);
            step_.add_draw(int32_t(rows.size()), p.key, a.index, a.count);
            rows.push_back(&a);
        }
        if (rows.empty()) fail(APO_E_INTERNAL, "generation stands still: %zu answers wait for %lld pages", ready_.size(), (long long)free_pages());
        const int64_t count = fill_up(int64_t(rows.size()));
        upload();
        // All rows' logits are made here where they fit at once. Sampling is not: what it depends on changes with the call.
        const bool whole = count <= head_rows();
        g_.decoding_.run(count, [&] {
            Decode attention(*this, count);
            Progress silent(nullptr);
            WeightStream weights(model_);
            transformer_forward(g_.network, weights, g_.workspace_, count, attention, silent);
            if (whole) head_logits(g_.network, weights, g_.workspace_, step_.device().rows, count);
        });
        sample(rows, whole);
        std::vector<Answer> running;
        for (Answer& a : active_) {
            if (finished(a)) {
                for (int32_t page : a.pages) pool_.release(page);
                reserved_ -= a.reserved;
            } else {
                running.push_back(std::move(a));
            }
        }
        active_ = std::move(running);
    }

    // Appends a token to each answer, in the order of the draws. has_logits: the head has run for all of them.
    void sample(const std::vector<Answer*>& answers, bool has_logits) {
        Workspace& w = g_.workspace_;
        const int64_t chunk = head_rows(), total = int64_t(answers.size());
        std::vector<int32_t> ids(answers.size());
        std::vector<float> logps(answers.size());
        const GenerationStep::Arrays& step = step_.device();
        for (int64_t begin = 0; begin < total; begin += chunk) {
            const int64_t rows = std::min(chunk, total - begin);
            if (!has_logits) head_logits(g_.network, WeightStream(model_), w, step.rows + begin, rows);
            const GenerationStep::Samples samples = step_.samples(rows);
            model_.engine.ops.sample(model_.engine.device,
                                     {rows, s_.V, w.logits(), sampling_.greedy != 0, sampling_.temperature, sampling_.top_k,
                                      sampling_.top_p, sampling_.seed, step.keys + begin, step.answers + begin, step.counts + begin,
                                      samples.ids, samples.logps});
            step_.download(rows, ids.data() + begin, logps.data() + begin);
        }
        for (size_t i = 0; i < answers.size(); i++) {
            Answer& a = *answers[i];
            if (!std::isfinite(logps[i])) {
                fail(APO_E_NUMERIC, "the log-prob of token %d of answer %d to prompt %d is %g", a.count, a.index, a.prompt, double(logps[i]));
            }
            const size_t at = (size_t(a.prompt) * size_t(sampling_.k) + size_t(a.index)) * size_t(sampling_.max_new_tokens) + size_t(a.count);
            out_.tokens[at] = a.last = ids[i];
            if (out_.token_logps != nullptr) out_.token_logps[at] = logps[i];
            a.sum += double(logps[i]);
            a.count++;
            progress_.add(1);
        }
    }

    // Writes the answer's result if its last token ended it.
    bool finished(const Answer& a) {
        const bool stopped = std::find(stop_ids_.begin(), stop_ids_.end(), a.last) != stop_ids_.end();
        if (!stopped && a.count < sampling_.max_new_tokens) return false;
        const size_t at = size_t(a.prompt) * size_t(sampling_.k) + size_t(a.index);
        out_.lengths[at] = a.count;
        out_.finish[at] = stopped ? 0 : 1;
        out_.sums[at] = a.sum;
        progress_.add(sampling_.max_new_tokens - a.count);
        return true;
    }

    apo_generator& g_;
    const apo_model& model_;
    const Shape& s_;
    const apo_sampling& sampling_;
    const apo_answers& out_;
    Progress& progress_;
    PagePool pool_;
    GenerationStep& step_;
    std::vector<int32_t> stop_ids_;
    std::vector<Prompt> prompts_;
    size_t next_prompt_ = 0;
    std::deque<Answer> ready_;    // first token sampled, waiting for a place
    std::vector<Answer> active_;
    int64_t reserved_ = 0;
};

}  // namespace apo

using namespace apo;

apo_generator::apo_generator(apo_model& model, apo_adapter* adapter, const apo_generator_options& options)
    : network(model, adapter), opened_(network.top()), max_sequences_(options.max_sequences), decoding_(model.engine) {
    if (network.value_head()) fail(APO_E_STATE, "the %s has a value head and cannot generate", network.top().kind());
    if (model.offloaded()) fail(APO_E_STATE, "the model's layers are offloaded, so that it cannot generate; create it without offloading");
    if (model.sharded() != nullptr) fail(APO_E_STATE, "the model's weights are shared out over ranks, so that it cannot generate; create it whole");
    const GeneratorBytes bytes = generator_bytes(network.shape(), head_sizes(model.engine.ops), options);
    pages_ = int32_t(page_count(options));
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

void apo_generator::generate(const apo_prompts& prompts, const apo_sampling& sampling, const apo_answers& answers,
                             Progress& progress) {
    if (prompts.count < 1) fail(APO_E_ARGUMENT, "prompts.count is %d; expected 1 or more", prompts.count);
    required(prompts.tokens, "prompts.tokens");
    required(prompts.lengths, "prompts.lengths");
    required(prompts.keys, "prompts.keys");
    check_sampling(sampling);
    required(answers.tokens, "answers.tokens");
    required(answers.lengths, "answers.lengths");
    required(answers.finish, "answers.finish");
    required(answers.sums, "answers.sums");
    GenerationRun(*this, prompts, sampling, answers, progress).run();
}
