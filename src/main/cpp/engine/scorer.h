// Forward only: log-probs or values of packed batches, in micro-batches of whole packs.
#pragma once

#include "head.h"
#include "transformer.h"

// The handle of metaapo.h.
struct apo_scorer {
    // adapter: null for none.
    apo_scorer(apo_model& model, apo_adapter* adapter, int64_t max_tokens);
    apo_scorer(const apo_scorer&) = delete;

    void logprobs(const apo_batch& batch, float* token_logps, double* sums, apo::Progress& progress);
    void values(const apo_batch& batch, double* scores, apo::Progress& progress);

    const apo::Network network;

private:
    // Runs the transformer on each micro-batch and hands it to `head` with the weights and the index of its first answer and first row.
    template <class Head>
    void run(const apo_batch& batch, apo::Progress& progress, Head head);

    // Where ranks share the weights out, all run as many forwards: the most that any has, of which the others are idle in some.
    int64_t most_turns(int64_t own) const;
    void idle(int64_t from, int64_t turns);

    apo::Opened opened_;
    apo::Buffer memory_;
    apo::Workspace workspace_;
};

namespace apo {

// Sums of `logp` over each answer, in f64; a sum that is not finite is APO_E_NUMERIC and names the answer.
void answer_sums(const float* logp, const std::vector<int32_t>& answer_begin, int64_t first_answer, double* sums);

void check_max_tokens(int64_t max_tokens);

}  // namespace apo
