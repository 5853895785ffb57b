// The preference pairs of a golden file as a batch.
#pragma once

#include "golden_model.h"

namespace apo_test {

// The 8 pairs: both answers to a prompt in one pack, or each in its own.
struct Pairs {
    Pairs(const Json& golden, bool shared) : Pairs(golden, shared, 0, golden["pairs"].size()) {}
    // Pairs [first, last).
    Pairs(const Json& golden, bool shared, size_t first, size_t last) {
        for (size_t i = first; i < last; i++) {
            for (int side = 0; side < 2; side++) {
                const Json& answer = golden["pairs"][i][side == 0 ? "chosen" : "rejected"];
                const std::vector<int32_t> ids = answer["ids"].ints();
                const auto split = ids.begin() + long(answer["prompt_tokens"].number());
                if (side == 0 || !shared) {
                    tokens.insert(tokens.end(), ids.begin(), split);
                    prompt_lengths.push_back(int32_t(split - ids.begin()));
                    answer_counts.push_back(shared ? 2 : 1);
                }
                tokens.insert(tokens.end(), split, ids.end());
                answer_lengths.push_back(int32_t(ids.end() - split));
                for (size_t t = 0; t < answer["logps"].size(); t++) logps.push_back(answer["logps"][t].number());
                references.push_back(answer["ref_logp_sum"].number());
            }
        }
        batch = {int32_t(prompt_lengths.size()), int32_t(answer_lengths.size()), int64_t(tokens.size()), tokens.data(),
                 prompt_lengths.data(), answer_counts.data(), answer_lengths.data()};
    }
    Pairs(const Pairs&) = delete;

    std::vector<int32_t> tokens, prompt_lengths, answer_counts, answer_lengths;
    std::vector<double> logps, references;
    apo_batch batch;
};

}  // namespace apo_test
