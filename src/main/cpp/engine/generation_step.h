// The index arrays of one step of generation: built on the host, read by the ops in the device's memory.
#pragma once

#include <vector>

#include "engine.h"

namespace apo {

class GenerationStep {
public:
    // Room on the device for steps of so many tokens (a prefill's), running answers and, until more are needed, pages.
    struct Room {
        int64_t tokens, sequences, pages;
    };
    static int64_t bytes(const Room& room);
    void reserve(apo_engine& engine, const Room& room);

    void clear();

    // Filled by the caller.
    std::vector<int32_t> ids, positions;             // (T) of the tokens that run
    std::vector<int32_t> slots;                      // (T) where their keys and values go
    std::vector<int32_t> rows;                       // (R) the hidden states that are sampled from
    std::vector<int32_t> pages, page_begin, lengths; // of each running answer
    std::vector<uint64_t> keys;                      // (R) of the draws: prompt, answer, position
    std::vector<int32_t> answers, counts;

    // Copies of what the tokens' forward reads; rows and draws go in chunks.
    void upload();
    void upload_rows(int64_t begin, int64_t count);
    // The chunk's sampled ids and log-probs, to their places in the answers' arrays.
    void download_samples(int32_t* sampled_ids, float* sampled_logps, int64_t count);

    // On the device.
    struct Arrays {
        int32_t *slots, *rows, *page_begin, *lengths, *answers, *counts, *ids, *pages;
        uint64_t* keys;
        float* logps;
    };
    const Arrays& device() const { return arrays_; }

private:
    static Arrays layout(Arena& arena, const Room& room);

    apo_engine* engine_ = nullptr;
    Buffer memory_, pages_memory_;
    Arrays arrays_{};
};

}  // namespace apo
