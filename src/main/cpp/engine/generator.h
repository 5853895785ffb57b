// Generation with a paged KV cache and continuous batching.
//
// All answers to a prompt share the pages that its prompt fills; the rest of the prompt's last page is copied for each. A
// finished answer gives its place to the next one at once. Random numbers are keyed by (seed, prompt key, answer, position),
// so that an answer does not depend on what ran beside it.
#pragma once

#include "generation_step.h"
#include "head.h"
#include "page_pool.h"
#include "transformer.h"

namespace apo {

struct GeneratorBytes {
    int64_t cache;
    WorkspaceBytes workspace;
    int64_t step;  // index arrays
};

// Throws APO_E_ARGUMENT for options out of range.
GeneratorBytes generator_bytes(const NetworkShape& network, const HeadSizes& head, const apo_generator_options& options);

class GenerationRun;

}  // namespace apo

// The handle of metaapo.h.
struct apo_generator {
    // adapter: null for none; its paths run beside the model's products.
    apo_generator(apo_model& model, apo_adapter* adapter, const apo_generator_options& options);
    apo_generator(const apo_generator&) = delete;

    void generate(const apo_prompts& prompts, const apo_sampling& sampling, const apo_answers& answers, apo::Progress& progress);
    const char* notice() { return decoding_.notice(); }

    const apo::Network network;

private:
    friend class apo::GenerationRun;

    // Makes the workspace large enough for a prompt.
    void reserve_tokens(int64_t tokens);
    void* layer_cache(int64_t layer) const;

    apo::Opened opened_;
    int32_t max_sequences_;
    int32_t pages_;
    apo::Buffer cache_, memory_;
    apo::Workspace workspace_;
    apo::GenerationStep step_;
    apo::Repeater decoding_;  // keyed by the number of rows: answers that run, and what fills them up
};
