#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int kQuads = 64;  // of a row at a time

// y = or += x factor where the word reaches the threshold, over n columns.
template <bool Accumulate, class T>
void drop(int64_t n, const uint32_t* words, uint32_t threshold, float factor, const T* x, T* y) {
    for (int64_t j = 0; j < n; j++) {
        const float value = words[j] >= threshold ? to_float(x[j]) * factor : 0.0f;
        y[j] = from_float<T>(Accumulate ? to_float(y[j]) + value : value);
    }
}

}  // namespace

void dropout(Device& device, const Dropout& op) {
    const uint32_t threshold = dropout_threshold(op.key.probability);
    const float factor = dropout_factor(op.key.probability);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, op.tokens, 1 + 4096 / op.n, [&](int64_t begin, int64_t end) {
            uint32_t words[4 * kQuads];
            for (int64_t t = begin; t < end; t++) {
                for (int64_t first = 0; first < op.n; first += 4 * kQuads) {
                    const int64_t n = op.n - first < 4 * kQuads ? op.n - first : 4 * kQuads;
                    for (int64_t quad = 0; 4 * quad < n; quad++) {
                        const Philox4 random = dropout_words(op.key.seed, op.key.step, op.key.site, op.key.first_row + t, first / 4 + quad);
                        for (int i = 0; i < 4; i++) words[4 * quad + i] = random.word[i];
                    }
                    const T* x = static_cast<const T*>(op.x) + t * op.n + first;
                    T* y = static_cast<T*>(op.y) + t * op.n + first;
                    if (op.accumulate) {
                        drop<true>(n, words, threshold, factor, x, y);
                    } else {
                        drop<false>(n, words, threshold, factor, x, y);
                    }
                }
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
