// Generation with a paged KV cache and continuous batching: requests join and leave while others run.
//
// A finished answer gives its place to the next one at once (answer_schedule.h). Random numbers are keyed by (seed, prompt key,
// answer, position), so that an answer does not depend on what ran beside it.
#pragma once

#include "answer_schedule.h"
#include "generation_step.h"
#include "head.h"
#include "transformer.h"

namespace apo {

struct GeneratorBytes {
    int64_t cache;
    WorkspaceBytes workspace;
    int64_t step;  // index arrays
};

// Throws APO_E_ARGUMENT for options out of range.
GeneratorBytes generator_bytes(const NetworkShape& network, const HeadSizes& head, const apo_generator_options& options);

// Tokens that wait for the caller's poll, in the order in which they came.
class TokenQueue final : public TokenReceiver {
public:
    void receive(const GenerationRequest& request, const GeneratedToken& token) override;
    // As many as there is room for.
    void poll(apo_tokens& out);
    void forget(int64_t request, int32_t answer);

private:
    struct Entry {
        int64_t request;
        GeneratedToken token;
        std::vector<int32_t> top_ids;
        std::vector<float> top_logps;
    };
    std::deque<Entry> entries_;
};

}  // namespace apo

// The handle of metaapo.h.
struct apo_generator {
    // adapter: null for none; its paths run beside the model's products.
    apo_generator(apo_model& model, apo_adapter* adapter, const apo_generator_options& options);
    apo_generator(const apo_generator&) = delete;

    // As apo_generator_submit; tokens go to the receiver.
    int64_t submit(const apo_request& request, apo::TokenReceiver& receiver);
    int64_t submit(const apo_request& request) { return submit(request, queue_); }
    // Runs prompts, or a token for each running answer. Whether there is more to do.
    bool step();
    void cancel(int64_t request, int32_t answer);
    void poll(apo_tokens& tokens) { queue_.poll(tokens); }
    apo_generator_state state() const { return schedule_.state(); }
    void generate(const apo_prompts& prompts, const apo_sampling& sampling, const apo_answers& answers, apo::Progress& progress);
    const char* notice() { return decoding_.notice(); }

    const apo::Network network;

private:
    class Prefill;
    class Decode;

    // Makes the workspace large enough for a prompt.
    void reserve_tokens(int64_t tokens);
    void* layer_cache(int64_t layer) const;
    void append(int64_t layer, int64_t tokens, const void* qkv);
    void upload();
    int64_t head_rows() const { return std::min(workspace_.logit_rows, workspace_.max_tokens); }
    int64_t fill_up(int64_t answers);
    void add_draw(int32_t row, const apo::RunningAnswer& answer);
    void copy_page(const apo::PageCopy& copy);
    void prefill(const std::vector<apo::GenerationRequest*>& prompts);
    void score_prompts(const std::vector<apo::GenerationRequest*>& prompts);
    void decode();
    void sample(const std::vector<apo::RunningAnswer*>& answers, bool has_logits);

    apo::Opened opened_;
    int32_t max_sequences_;
    int32_t pages_;
    apo::Buffer cache_, memory_;
    apo::Workspace workspace_;
    apo::GenerationStep step_;
    apo::Repeater decoding_;  // keyed by the number of rows: answers that run, and what fills them up
    apo::AnswerSchedule schedule_;
    apo::TokenQueue queue_;
    int64_t submitted_ = 0;
    int32_t prefills_ = 0;    // since the last step of the running answers
};
