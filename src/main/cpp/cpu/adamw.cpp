#include <cmath>
#include <type_traits>

#include "family.h"
#include "parallel.h"
#include "split_f32.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

template <class T>
void step_range(const AdamwStep& op, int64_t begin, int64_t end) {
    // With bias correction (arXiv 1412.6980) and decoupled decay (arXiv 1711.05101):
    // w <- w (1 - lr wd) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
    const float beta1 = float(op.beta1), beta2 = float(op.beta2), keep1 = float(1 - op.beta1), keep2 = float(1 - op.beta2);
    const float decay = float(1 - op.learning_rate * op.weight_decay);
    const float step_size = float(op.learning_rate / (1 - std::pow(op.beta1, double(op.step))));
    const float root_scale = float(1 / std::sqrt(1 - std::pow(op.beta2, double(op.step)))), eps = float(op.eps);
    T* weight = static_cast<T*>(op.weight);
    // In local names, for the compiler to see that they do not change.
    float *gradient = op.gradient, *moment1 = op.moment1, *moment2 = op.moment2;
    uint16_t* remainder = op.remainder;
    const float gradient_scale = op.gradient_scale;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        const float g = gradient[i] * gradient_scale;
        const float m = beta1 * moment1[i] + keep1 * g;
        const float v = beta2 * moment2[i] + keep2 * g * g;
        gradient[i] = 0;
        moment1[i] = m;
        moment2[i] = v;
        const float change = step_size * m / (std::sqrt(v) * root_scale + eps);
        if constexpr (std::is_same_v<T, float>) {
            weight[i] = weight[i] * decay - change;
        } else {
            const SplitF32 split = split_f32(join_f32(weight[i].bits, remainder[i]) * decay - change);
            weight[i].bits = split.upper;
            remainder[i] = split.remainder;
        }
    }
}

}  // namespace

void adamw_step(Device& device, const AdamwStep& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, op.n, 16384, [&](int64_t begin, int64_t end) { step_range<T>(op, begin, end); });
    });
}

double squared_norm(Device& device, const float* x, int64_t n) {
    // Blocks of fixed size, summed in order: one result for any number of threads.
    constexpr int64_t kBlock = 16384;
    const int64_t blocks = (n + kBlock - 1) / kBlock;
    cpu(device).shared.reserve(size_t(blocks) * sizeof(double));
    auto* partial = static_cast<double*>(cpu(device).shared.data());
    parallel_ranges(device, blocks, 1, [&](int64_t first, int64_t last) {
        for (int64_t block = first; block < last; block++) {
            const int64_t end = (block + 1) * kBlock < n ? (block + 1) * kBlock : n;
            double lane[8] = {};
            int64_t i = block * kBlock;
            for (; i + 8 <= end; i += 8) {
                for (int j = 0; j < 8; j++) lane[j] += double(x[i + j]) * x[i + j];
            }
            for (; i < end; i++) lane[0] += double(x[i]) * x[i];
            partial[block] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
        }
    });
    double total = 0;
    for (int64_t block = 0; block < blocks; block++) total += partial[block];
    return total;
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
