// AdamW and the gradient's norm: each element is read and written once.
#include <cmath>

#include "adamw8.h"
#include "dispatch.h"
#include "family.h"
#include "reduce.h"
#include "split_f32.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostParts = 1024;  // of the norm's sum

struct Rates {
    float beta1, beta2, keep1, keep2, decay, step_size, root_scale, eps, gradient_scale;
};

// N master weights in f32: of bf16 weights with their remainders.
template <int N>
APO_DEVICE Floats<N> load_master(const float* weight, const uint16_t*) {
    return load<N>(weight);
}

template <int N>
APO_DEVICE Floats<N> load_master(const bf16* weight, const uint16_t* remainder) {
    inner::Pack<N, bf16> upper;
    inner::Pack<N, uint16_t> lower;
    upper.word = *reinterpret_cast<const decltype(upper.word)*>(weight);
    lower.word = *reinterpret_cast<const decltype(lower.word)*>(remainder);
    Floats<N> x;
#pragma unroll
    for (int i = 0; i < N; i++) x[i] = join_f32(upper.element[i].bits, lower.element[i]);
    return x;
}

template <int N>
APO_DEVICE void store_master(float* weight, uint16_t*, const Floats<N>& x) {
    store(weight, x);
}

template <int N>
APO_DEVICE void store_master(bf16* weight, uint16_t* remainder, const Floats<N>& x) {
    inner::Pack<N, bf16> upper;
    inner::Pack<N, uint16_t> lower;
#pragma unroll
    for (int i = 0; i < N; i++) {
        const SplitF32 split = split_f32(x[i]);
        upper.element[i].bits = split.upper;
        lower.element[i] = split.remainder;
    }
    *reinterpret_cast<decltype(upper.word)*>(weight) = upper.word;
    *reinterpret_cast<decltype(lower.word)*>(remainder) = lower.word;
}

// N elements a thread.
template <class T, int N>
__global__ void adamw_kernel(int64_t n, Rates rates, float* gradient, T* weight, uint16_t* remainder, float* moment1, float* moment2) {
    const int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * N;
    if (i >= n) return;
    const Floats<N> g = load<N>(gradient + i);
    Floats<N> m = load<N>(moment1 + i), v = load<N>(moment2 + i), w = load_master<N>(weight + i, remainder + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
        const float scaled = g[j] * rates.gradient_scale;
        m[j] = rates.beta1 * m[j] + rates.keep1 * scaled;
        v[j] = rates.beta2 * v[j] + rates.keep2 * scaled * scaled;
        w[j] = w[j] * rates.decay - rates.step_size * m[j] / (sqrtf(v[j]) * rates.root_scale + rates.eps);
    }
    store(gradient + i, Floats<N>{});
    store(moment1 + i, m);
    store(moment2 + i, v);
    store_master(weight + i, remainder + i, w);
}

constexpr int kEach = int(kAdamw8Block) / kWarp;  // elements of a lane

APO_DEVICE void put(float* weight, float x, uint32_t) { *weight = x; }
APO_DEVICE void put(bf16* weight, float x, uint32_t word) { weight->bits = adamw8_bf16(x, word); }

// A warp has a block of moments, a lane eight neighbours of it. Whole says that all are there and aligned.
template <class T, bool Whole>
APO_DEVICE void adamw8_block(const Adamw8Rates& rates, int64_t block, const Adamw8Step& op) {
    const int64_t at = block * kAdamw8Block + lane_index() * kEach;
    const int count = Whole ? kEach : int(op.n - at < 0 ? 0 : (op.n - at < kEach ? op.n - at : kEach));
    float* gradient = op.gradient + at;
    T* weight = static_cast<T*>(op.weight) + at;
    const float old_scale1 = op.scales1[block], old_scale2 = op.scales2[block];

    Floats<kEach> g{}, w{};
    union Codes {
        uint2 word;
        uint8_t code[kEach];
    } codes1{}, codes2{};
    if (Whole) {
        g = load_all<kEach>(gradient);
        w = load_all<kEach>(weight);
        codes1.word = *reinterpret_cast<const uint2*>(op.codes1 + at);
        codes2.word = *reinterpret_cast<const uint2*>(op.codes2 + at);
    } else {
        for (int i = 0; i < kEach; i++) {
            if (i >= count) break;
            g[i] = gradient[i];
            w[i] = to_float(weight[i]);
            codes1.code[i] = op.codes1[at + i];
            codes2.code[i] = op.codes2[at + i];
        }
    }
    uint32_t word[kEach];
#pragma unroll
    for (int quad = 0; quad < kEach / 4; quad++) {
        const Philox4 random = adamw8_random(op.seed, op.step, uint64_t(op.first + at) / 4 + uint64_t(quad));
#pragma unroll
        for (int i = 0; i < 4; i++) word[4 * quad + i] = random.word[i];
    }

    float moment1[kEach], moment2[kEach];
    float largest1 = 0, largest2 = 0;
#pragma unroll
    for (int i = 0; i < kEach; i++) {
        moment1[i] = adamw8_moment1(codes1.code[i], old_scale1);
        moment2[i] = adamw8_moment2(codes2.code[i], old_scale2);
        adamw8_element(rates, g[i], moment1[i], moment2[i], w[i]);
        largest1 = fmaxf(largest1, fabsf(moment1[i]));
        largest2 = fmaxf(largest2, moment2[i]);
    }
    const float scale1 = adamw8_scale(warp_max(largest1)), scale2 = adamw8_scale(warp_max(largest2));
    const float inverse1 = scale1 > 0 ? 1.0f / scale1 : 0.0f, inverse2 = scale2 > 0 ? 1.0f / scale2 : 0.0f;
#pragma unroll
    for (int i = 0; i < kEach; i++) {
        codes1.code[i] = adamw8_code1(moment1[i], inverse1, word[i]);
        codes2.code[i] = adamw8_code2(moment2[i], inverse2, word[i]);
    }

    if (Whole) {
        union {
            uint4 words[kEach * sizeof(T) / 16];
            T element[kEach];
        } out;
#pragma unroll
        for (int i = 0; i < kEach; i++) put(out.element + i, w[i], word[i]);
#pragma unroll
        for (int i = 0; i < int(kEach * sizeof(T) / 16); i++) reinterpret_cast<uint4*>(weight)[i] = out.words[i];
        store_all<kEach>(gradient, Floats<kEach>{});
        *reinterpret_cast<uint2*>(op.codes1 + at) = codes1.word;
        *reinterpret_cast<uint2*>(op.codes2 + at) = codes2.word;
    } else {
        for (int i = 0; i < kEach; i++) {
            if (i >= count) break;
            put(weight + i, w[i], word[i]);
            gradient[i] = 0;
            op.codes1[at + i] = codes1.code[i];
            op.codes2[at + i] = codes2.code[i];
        }
    }
    if (lane_index() == 0) {
        op.scales1[block] = scale1;
        op.scales2[block] = scale2;
    }
}

template <class T>
__global__ void adamw8_kernel(bool aligned, Adamw8Rates rates, Adamw8Step op) {
    const int64_t block = int64_t(blockIdx.x) * (kThreads / kWarp) + warp_index();
    if (block * kAdamw8Block >= op.n) return;
    if (aligned && (block + 1) * kAdamw8Block <= op.n) {
        adamw8_block<T, true>(rates, block, op);
    } else {
        adamw8_block<T, false>(rates, block, op);
    }
}

// partial(part): squares of the part's elements.
template <int N>
__global__ void squares_kernel(int64_t n, const float* x, double* partial) {
    APO_SHARED(double, room, kWarp);
    double sum = 0;
    const int64_t step = int64_t(gridDim.x) * kThreads * N;
    for (int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * N; i < n; i += step) {
        const Floats<N> v = load<N>(x + i);
#pragma unroll
        for (int j = 0; j < N; j++) sum += double(v[j]) * double(v[j]);
    }
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void total_kernel(int parts, const double* partial, double* total) {
    APO_SHARED(double, room, kWarp);
    double sum = 0;
    for (int i = int(threadIdx.x); i < parts; i += kThreads) sum += partial[i];
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) *total = sum;
}

}  // namespace

void adamw_step(Device& device, const AdamwStep& op) {
    if (op.n == 0) return;
    CudaDevice& d = gpu(device);
    const Rates rates{float(op.beta1), float(op.beta2), float(1 - op.beta1), float(1 - op.beta2), float(1 - op.learning_rate * op.weight_decay),
                      float(op.learning_rate / (1 - std::pow(op.beta1, double(op.step)))),
                      float(1 / std::sqrt(1 - std::pow(op.beta2, double(op.step)))), float(op.eps), op.gradient_scale};
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        with_float_vectors({op.gradient, op.weight, op.remainder, op.moment1, op.moment2}, {op.n}, [&](auto vector) {
            APO_LAUNCH(d, (adamw_kernel<T, vector>), blocks_for(op.n, kThreads * vector), kThreads, 0, op.n, rates, op.gradient,
                       static_cast<T*>(op.weight), op.remainder, op.moment1, op.moment2);
        });
    });
}

void adamw8_step(Device& device, const Adamw8Step& op) {
    if (op.n == 0) return;
    CudaDevice& d = gpu(device);
    const Adamw8Rates rates = adamw8_rates(op.learning_rate, op.beta1, op.beta2, op.eps, op.weight_decay, op.step, op.gradient_scale);
    const bool aligned = in_vectors({op.gradient, op.weight, op.codes1, op.codes2}, {});
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        APO_LAUNCH(d, adamw8_kernel<T>, blocks_for(op.n, kThreads / kWarp * kAdamw8Block), kThreads, 0, aligned, rates, op);
    });
}

double squared_norm(Device& device, const float* x, int64_t n) {
    if (n == 0) return 0;
    CudaDevice& d = gpu(device);
    ScratchScope scratch(d);
    // As many parts on every GPU, for the sum to be the same.
    const int64_t blocks = (n + kThreads * 4 - 1) / (kThreads * 4), parts = blocks < kMostParts ? blocks : kMostParts;
    double* partial = scratch.take<double>(parts);
    double* total = scratch.take<double>(1);
    with_float_vectors({x}, {n}, [&](auto vector) { APO_LAUNCH(d, squares_kernel<vector>, unsigned(parts), kThreads, 0, n, x, partial); });
    APO_LAUNCH(d, total_kernel, 1, kThreads, 0, int(parts), static_cast<const double*>(partial), total);
    double sum = 0;
    d.staging.to_host(d, &sum, total, sizeof sum);
    return sum;
}

}  // namespace cuda
}  // namespace apo
