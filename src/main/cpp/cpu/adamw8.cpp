#include <algorithm>
#include <cmath>

#include "adamw8.h"
#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

void put(float* weight, float x, uint32_t) { *weight = x; }
void put(bf16* weight, float x, uint32_t word) { weight->bits = adamw8_bf16(x, word); }

// One block of moments, from decoding to encoding.
template <class T>
void step_block(const Adamw8Step& op, const Adamw8Rates& rates, int64_t block) {
    const int64_t begin = block * kAdamw8Block;
    const int n = int(std::min(kAdamw8Block, op.n - begin));
    uint32_t word[kAdamw8Block];
    float moment1[kAdamw8Block], moment2[kAdamw8Block];
    for (int quad = 0; quad < int(kAdamw8Block) / 4; quad++) {
        const Philox4 random = adamw8_random(op.seed, op.step, uint64_t(op.first + begin) / 4 + uint64_t(quad));
        for (int i = 0; i < 4; i++) word[4 * quad + i] = random.word[i];
    }
    float* gradient = op.gradient + begin;
    T* weight = static_cast<T*>(op.weight) + begin;
    uint8_t *codes1 = op.codes1 + begin, *codes2 = op.codes2 + begin;
    const float old_scale1 = op.scales1[block], old_scale2 = op.scales2[block];
    float largest1 = 0, largest2 = 0;
#pragma omp simd reduction(max : largest1, largest2)
    for (int i = 0; i < n; i++) {
        float w = to_float(weight[i]);
        moment1[i] = adamw8_moment1(codes1[i], old_scale1);
        moment2[i] = adamw8_moment2(codes2[i], old_scale2);
        adamw8_element(rates, gradient[i], moment1[i], moment2[i], w);
        gradient[i] = 0;
        put(weight + i, w, word[i]);
        const float size1 = std::fabs(moment1[i]), size2 = moment2[i];
        largest1 = size1 > largest1 ? size1 : largest1;
        largest2 = size2 > largest2 ? size2 : largest2;
    }
    const float scale1 = adamw8_scale(largest1), scale2 = adamw8_scale(largest2);
    const float inverse1 = scale1 > 0 ? 1 / scale1 : 0, inverse2 = scale2 > 0 ? 1 / scale2 : 0;
#pragma omp simd
    for (int i = 0; i < n; i++) {
        codes1[i] = adamw8_code1(moment1[i], inverse1, word[i]);
        codes2[i] = adamw8_code2(moment2[i], inverse2, word[i]);
    }
    op.scales1[block] = scale1;
    op.scales2[block] = scale2;
}

}  // namespace

void adamw8_step(Device& device, const Adamw8Step& op) {
    const Adamw8Rates rates = adamw8_rates(op.learning_rate, op.beta1, op.beta2, op.eps, op.weight_decay, op.step, op.gradient_scale);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, (op.n + kAdamw8Block - 1) / kAdamw8Block, 64, [&](int64_t begin, int64_t end) {
            for (int64_t block = begin; block < end; block++) step_block<T>(op, rates, block);
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
