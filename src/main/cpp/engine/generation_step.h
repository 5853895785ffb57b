// The index arrays of one step of generation: built on the host, copied to the device as one piece, and read by the ops there.
#pragma once

#include <vector>

#include "engine.h"

namespace apo {

class GenerationStep {
public:
    // Room on the device for steps of so many tokens (a prefill's), running answers and, until more are needed, pages; and for so
    // many plans.
    struct Room {
        int64_t tokens, sequences, pages, plans;
    };
    static int64_t bytes(const Room& room);
    void reserve(apo_engine& engine, const Room& room);

    void clear();
    // A token that runs, and where its keys and values go.
    void add_token(int32_t id, int32_t position, int32_t slot);
    // A running answer's pages and the tokens on them.
    void add_sequence(const std::vector<int32_t>& its_pages, int32_t length);
    // A draw from the hidden state of a token; the others are what its random numbers are keyed by.
    void add_draw(int32_t row, uint64_t key, int32_t answer, int32_t count);
    int64_t tokens() const { return int64_t(ids_.size()); }

    // Copies all of it. Steps of the same numbers of tokens, draws and running answers have each array at the same address of the
    // device, until a step needs more room.
    void upload();

    // Where so many draws leave what they sampled, and the copy of it to the host.
    struct Samples {
        int32_t* ids;
        float* logps;
    };
    Samples samples(int64_t count) const;
    void download(int64_t count, int32_t* sampled_ids, float* sampled_logps);

    // Room for a plan of the step's attention (AttentionDecode).
    void* plan(int64_t index) const { return plans_.data() + size_t(index) * plan_bytes_; }

    // On the device.
    struct Arrays {
        int32_t *ids, *positions, *slots, *rows, *answers, *counts, *page_begin, *lengths, *pages;
        uint64_t* keys;
    };
    const Arrays& device() const { return arrays_; }

private:
    std::vector<int32_t> ids_, positions_, slots_;            // (T)
    std::vector<int32_t> pages_, page_begin_, lengths_;       // of each sequence
    std::vector<int32_t> rows_, answers_, counts_;            // (R)
    std::vector<uint64_t> keys_;                              // (R)
    apo_engine* engine_ = nullptr;
    Buffer indices_, samples_, plans_;
    size_t plan_bytes_ = 0;
    std::vector<char> packed_;  // on the host
    Arrays arrays_{};
};

}  // namespace apo
