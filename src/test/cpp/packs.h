// Small packed batches, and the engine's tests on each kind of device.
#pragma once

#include "backends.h"
#include "metaapo.h"
#include "test.h"

namespace apo_test {

struct Packs {
    std::vector<int32_t> tokens, prompt_lengths, answer_counts, answer_lengths;

    void add(const std::vector<int32_t>& prompt, const std::vector<std::vector<int32_t>>& answers) {
        tokens.insert(tokens.end(), prompt.begin(), prompt.end());
        prompt_lengths.push_back(int32_t(prompt.size()));
        answer_counts.push_back(int32_t(answers.size()));
        for (const auto& answer : answers) {
            tokens.insert(tokens.end(), answer.begin(), answer.end());
            answer_lengths.push_back(int32_t(answer.size()));
        }
    }
    apo_batch batch() const {
        return {int32_t(prompt_lengths.size()), int32_t(answer_lengths.size()), int64_t(tokens.size()), tokens.data(), prompt_lengths.data(),
                answer_counts.data(), answer_lengths.data()};
    }
};

inline const std::vector<int32_t> kPrompt{3, 1, 4, 1, 5}, kOther{9, 2};
inline const std::vector<std::vector<int32_t>> kAnswers{{6, 5, 3, 5}, {8, 9, 7}, {9}, {3, 2, 3, 8, 4, 6}};

inline Packs shared() {
    Packs p;
    p.add(kPrompt, {kAnswers[0], kAnswers[1]});
    p.add(kOther, {kAnswers[2], kAnswers[3]});
    return p;
}

inline Packs apart() {
    Packs p;
    p.add(kPrompt, {kAnswers[0]});
    p.add(kPrompt, {kAnswers[1]});
    p.add(kOther, {kAnswers[2]});
    p.add(kOther, {kAnswers[3]});
    return p;
}

// The test on each kind of device.
template <class Body>
void on_engines(Body body) {
    for (const Backend& backend : engine_backends()) {
        const int before = failures();
        body(backend);
        if (failures() != before) std::printf("    on %s\n", backend.name.c_str());
    }
}

}  // namespace apo_test
