// What a generator is asked for: checks of requests, and the closed call, which submits its prompts and steps until they are answered.
#include <algorithm>
#include <cmath>

#include "boundary.h"
#include "generator.h"

namespace apo {

namespace {

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

// Of prompt number i of its call.
void check_prompt(const int32_t* tokens, int32_t length, int32_t i, const apo_sampling& sampling, const Shape& s, int64_t pages) {
    if (length < 1) fail(APO_E_ARGUMENT, "prompt %d has length %d; expected 1 or more", i, length);
    if (int64_t(length) + sampling.max_new_tokens > s.config.max_positions) {
        fail(APO_E_ARGUMENT, "prompt %d has %d tokens, with %d new ones; the model has %d positions", i, length, sampling.max_new_tokens,
             s.config.max_positions);
    }
    for (int32_t t = 0; t < length; t++) {
        if (tokens[t] < 0 || tokens[t] >= s.V) {
            fail(APO_E_ARGUMENT, "token %d of prompt %d is %d; the vocabulary has %lld", t, i, tokens[t], (long long)s.V);
        }
    }
    const int64_t needed = pages_for(length) + pages_for(int64_t(length) + sampling.max_new_tokens - 1) - length / kPageSize;
    if (needed > pages) {
        fail(APO_E_ARGUMENT, "prompt %d and an answer need a cache of %lld tokens; the generator has %lld", i, (long long)(needed * kPageSize),
             (long long)pages * kPageSize);
    }
}

void check_bias(const apo_request& r, const Shape& s) {
    if (r.bias_count < 0) fail(APO_E_ARGUMENT, "bias_count is %d; expected 0 or more", r.bias_count);
    if (r.bias_count == 0) return;
    required(r.bias_ids, "bias_ids");
    required(r.bias, "bias");
    std::vector<int32_t> ids(r.bias_ids, r.bias_ids + r.bias_count);
    std::sort(ids.begin(), ids.end());
    for (size_t i = 0; i < ids.size(); i++) {
        if (ids[i] < 0 || ids[i] >= s.V) fail(APO_E_ARGUMENT, "a bias is of token %d; the vocabulary has %lld", ids[i], (long long)s.V);
        if (i > 0 && ids[i] == ids[i - 1]) fail(APO_E_ARGUMENT, "two biases are of token %d", ids[i]);
    }
    for (int32_t i = 0; i < r.bias_count; i++) {
        if (!std::isfinite(r.bias[i])) fail(APO_E_ARGUMENT, "the bias of token %d is %g; expected a number", r.bias_ids[i], double(r.bias[i]));
    }
}

// The requests of one closed call: writes their tokens to the caller's arrays.
class ClosedCall final : public TokenReceiver {
public:
    ClosedCall(apo_generator& generator, const apo_sampling& sampling, const apo_answers& out, Progress& progress)
        : generator_(generator), sampling_(sampling), out_(out), progress_(progress) {}
    ~ClosedCall() override {  // what a failure has left
        for (int64_t i = 0; left_ > 0 && i < count_; i++) generator_.cancel(first_ + i, -1);
    }

    void submit(const apo_request& request) {
        const int64_t id = generator_.submit(request, *this);
        if (count_ == 0) first_ = id;
        count_++;
        left_ += sampling_.k;
    }
    bool is_over() const { return left_ == 0; }
    // Throws where an answer has failed.
    void check() const {
        if (failed_.finish != APO_NOT_FINITE) return;
        fail(APO_E_NUMERIC, "the log-prob of token %d of answer %d to prompt %lld is %g", failed_.index, failed_.answer, (long long)failed_prompt_,
             double(failed_.logp));
    }

    void receive(const GenerationRequest& request, const GeneratedToken& t) override {
        const size_t answer = size_t(request.id - first_) * size_t(sampling_.k) + size_t(t.answer);
        const size_t at = answer * size_t(sampling_.max_new_tokens) + size_t(t.index);
        if (t.finish == APO_NOT_FINITE && failed_.finish != APO_NOT_FINITE) failed_ = t, failed_prompt_ = request.id - first_;
        out_.tokens[at] = t.id;
        if (out_.token_logps != nullptr) out_.token_logps[at] = t.logp;
        if (t.index == 0) out_.sums[answer] = 0;
        out_.sums[answer] += double(t.logp);
        progress_.add(1);
        if (t.finish == APO_GOES_ON) return;
        out_.lengths[answer] = t.index + 1;
        out_.finish[answer] = t.finish;
        progress_.add(sampling_.max_new_tokens - t.index - 1);
        left_--;
    }

private:
    apo_generator& generator_;
    const apo_sampling& sampling_;
    const apo_answers& out_;
    Progress& progress_;
    int64_t first_ = 0, count_ = 0, left_ = 0;
    GeneratedToken failed_{};
    int64_t failed_prompt_ = 0;
};

}  // namespace

}  // namespace apo

using namespace apo;

int64_t apo_generator::submit(const apo_request& r, TokenReceiver& receiver) {
    required(r.tokens, "tokens");
    check_sampling(r.sampling);
    check_prompt(r.tokens, r.length, 0, r.sampling, network.model.shape, pages_);
    check_bias(r, network.model.shape);
    if (r.top < 0 || r.top > APO_MOST_TOP) fail(APO_E_ARGUMENT, "top is %d; expected 0 to %d", r.top, APO_MOST_TOP);
    auto own = std::make_unique<GenerationRequest>();
    own->id = submitted_;
    own->key = r.key, own->group = r.group;
    own->tokens.assign(r.tokens, r.tokens + r.length);
    own->stops.assign(r.sampling.stop_ids, r.sampling.stop_ids + r.sampling.stop_count);
    own->bias_ids.assign(r.bias_ids, r.bias_ids + r.bias_count);
    own->bias.assign(r.bias, r.bias + r.bias_count);
    own->sampling = r.sampling;
    own->sampling.stop_ids = own->stops.data();
    own->prompt_logps = r.prompt_logps != 0;
    own->top = r.top;
    own->receiver = &receiver;
    reserve_tokens(r.length);
    schedule_.add(std::move(own));
    return submitted_++;
}

void apo_generator::generate(const apo_prompts& prompts, const apo_sampling& sampling, const apo_answers& answers, Progress& progress) {
    if (prompts.count < 1) fail(APO_E_ARGUMENT, "prompts.count is %d; expected 1 or more", prompts.count);
    required(prompts.tokens, "prompts.tokens");
    required(prompts.lengths, "prompts.lengths");
    required(prompts.keys, "prompts.keys");
    check_sampling(sampling);
    required(answers.tokens, "answers.tokens");
    required(answers.lengths, "answers.lengths");
    required(answers.finish, "answers.finish");
    required(answers.sums, "answers.sums");
    std::vector<apo_request> requests(size_t(prompts.count));
    const int32_t* tokens = prompts.tokens;
    int32_t longest = 0;
    for (int32_t i = 0; i < prompts.count; i++) {
        const int32_t length = prompts.lengths[i];
        check_prompt(tokens, length, i, sampling, network.model.shape, pages_);
        apo_request& r = requests[size_t(i)];
        r.tokens = tokens, r.length = length, r.key = prompts.keys[i], r.group = UINT64_MAX, r.sampling = sampling;
        tokens += length;
        longest = std::max(longest, length);
    }
    reserve_tokens(longest);
    ClosedCall call(*this, sampling, answers, progress);
    for (const apo_request& r : requests) call.submit(r);
    progress.expect(int64_t(prompts.count) * sampling.k * sampling.max_new_tokens);
    while (!call.is_over()) {
        progress.check();
        step();
        call.check();
    }
}
