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
    // A draw from the hidden state of a token, with a bias of its logits.
    void add_draw(int32_t row, const Draw& draw, const std::vector<int32_t>& biased, const std::vector<float>& bias);
    // A row that goes through the head with those of the draws, and is not drawn from.
    void add_filling(int32_t row);
    // A token whose hidden state says what was expected next, and what came.
    void add_scored(int32_t row, int32_t target);
    int64_t tokens() const { return int64_t(ids_.size()); }

    int64_t scored() const { return int64_t(scored_rows_.size()); }

    // The op for draws from logits of rows [begin, begin + rows), once the step is on the device, and what it leaves.
    void draw(int64_t begin, int64_t rows, int64_t vocab, float* logits, int32_t* ids, float* logps);
    // The `count` most probable tokens of rows of logits, and log-probs of `targets` of the device, or null.
    struct Tops {
        int32_t count;
        std::vector<int32_t> ids;      // (rows, count)
        std::vector<float> logps;      // (rows, count)
        std::vector<float> of_targets; // (rows)
    };
    Tops tops(int64_t rows, int64_t vocab, const float* logits, int32_t count, const int32_t* targets);

    // Copies all of it. Steps of the same numbers of tokens, draws and running answers have each array at the same address of the
    // device, until a step needs more room.
    void upload();

    // Room for a plan of the step's attention (AttentionDecode).
    void* plan(int64_t index) const { return plans_.data() + size_t(index) * plan_bytes_; }

    // On the device.
    struct Arrays {
        int32_t *ids, *positions, *slots, *rows, *page_begin, *lengths, *pages, *scored_rows, *targets, *bias_begin, *bias_ids;
        Draw* draws;
        float* bias;
    };
    const Arrays& device() const { return arrays_; }

private:
    std::vector<int32_t> ids_, positions_, slots_;            // (T)
    std::vector<int32_t> pages_, page_begin_, lengths_;       // of each sequence
    std::vector<int32_t> rows_;                               // (R)
    std::vector<Draw> draws_;                                 // (R)
    std::vector<int32_t> bias_begin_, bias_ids_;              // (R + 1), all biases
    std::vector<float> bias_;
    std::vector<int32_t> scored_rows_, targets_;
    apo_engine* engine_ = nullptr;
    Buffer indices_, samples_, plans_, tops_;
    size_t plan_bytes_ = 0;
    std::vector<char> packed_;  // on the host
    Arrays arrays_{};
};

}  // namespace apo
