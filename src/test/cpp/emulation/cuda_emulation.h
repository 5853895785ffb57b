// CUDA's language for the host: with this header in place of cuda_runtime.h the kernels of src/main/cuda compile as C++ and
// run block by block on fibers (block.h), on device memory from the host's heap (runtime.h). What is missing here is not
// used by the kernels.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>

#include "block.h"
#include "runtime.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict

#define APO_DEVICE inline
// The key's symbol tells how much shared memory the kernel takes before it runs (kernels.h).
#define APO_SHARED(type, name, count)                            \
    static const char apo_key_##name[sizeof(type) * (count)]{};  \
    auto& name = *static_cast<type(*)[count]>(emulation::static_shared(&apo_key_##name, sizeof(type) * (count)))

#define threadIdx (emulation::indices.thread)
#define blockIdx (emulation::indices.block)
#define blockDim (emulation::indices.block_size)
#define gridDim (emulation::indices.grid_size)

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) double2 { double x, y; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// ---- numbers

using std::max;
using std::min;

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __saturatef(float x) { return x < 0 ? 0 : (x > 1 ? 1 : x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }

namespace emulation {

template <class To, class From>
inline To bits_as(From x) {
    static_assert(sizeof(To) == sizeof(From), "of one size");
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}

}  // namespace emulation

inline unsigned __float_as_uint(float x) { return emulation::bits_as<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return emulation::bits_as<float>(x); }
inline int __float_as_int(float x) { return emulation::bits_as<int>(x); }
inline float __int_as_float(int x) { return emulation::bits_as<float>(x); }

// ---- barriers and warps

#define APO_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(APO_HERE) { emulation::barrier(0, 0, {file, line}); }
inline int __syncthreads_or(int value, APO_HERE) { return emulation::barrier_count(value != 0, {file, line}) > 0; }
inline int __syncthreads_count(int value, APO_HERE) { return emulation::barrier_count(value != 0, {file, line}); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline void __syncwarp(unsigned mask = 0xffffffffu, APO_HERE) {
    char none = 0;
    emulation::warp_operation(mask, &none, [](void* const*, uint32_t) {}, {file, line});
}

namespace emulation {

// Each lane gives `mine` and reads `source`'s; a source outside of the mask or the group keeps its own.
template <class T>
struct Shuffle {
    T mine, result;
    int source;
};

template <class T>
T shuffle(unsigned mask, T value, int source, Place place) {
    Shuffle<T> request{value, value, source};
    warp_operation(mask, &request, [](void* const* requests, uint32_t) {
        for (int i = 0; i < 32; i++) {
            if (requests[i] == nullptr) continue;
            auto* one = static_cast<Shuffle<T>*>(requests[i]);
            // A lane that is read must take part; what others would get on a GPU is undefined, and so is shown.
            const auto* from = static_cast<const Shuffle<T>*>(requests[one->source]);
            if (from == nullptr) fault("a shuffle reads lane %d, which is not in its mask", one->source);
            one->result = from->mine;
        }
    }, place);
    return request.result;
}

}  // namespace emulation

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, APO_HERE) {
    const int lane = emulation::lane(), first = lane / width * width;
    return emulation::shuffle(mask, value, first + source % width, {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, APO_HERE) {
    const int lane = emulation::lane(), source = lane ^ bits;
    return emulation::shuffle(mask, value, source / width > lane / width ? lane : source, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, APO_HERE) {
    const int lane = emulation::lane(), source = lane - int(by);
    return emulation::shuffle(mask, value, source < lane / width * width ? lane : source, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, APO_HERE) {
    const int lane = emulation::lane(), source = lane + int(by);
    return emulation::shuffle(mask, value, source >= (lane / width + 1) * width ? lane : source, {file, line});
}

inline unsigned __ballot_sync(unsigned mask, int value, APO_HERE) {
    struct Vote {
        bool value;
        unsigned result;
    } request{value != 0, 0};
    emulation::warp_operation(mask, &request, [](void* const* requests, uint32_t) {
        unsigned votes = 0;
        for (int i = 0; i < 32; i++) votes |= unsigned(requests[i] != nullptr && static_cast<Vote*>(requests[i])->value) << i;
        for (int i = 0; i < 32; i++) {
            if (requests[i] != nullptr) static_cast<Vote*>(requests[i])->result = votes;
        }
    }, {file, line});
    return request.result;
}
inline int __any_sync(unsigned mask, int value, APO_HERE) { return __ballot_sync(mask, value, file, line) != 0; }
inline int __all_sync(unsigned mask, int value, APO_HERE) { return __ballot_sync(mask, value, file, line) == mask; }

#undef APO_HERE

// ---- atomics: one thread runs at a time

template <class T>
T atomicAdd(T* at, T x) {
    const T old = *at;
    *at = old + x;
    return old;
}
template <class T>
T atomicMax(T* at, T x) {
    const T old = *at;
    *at = x > old ? x : old;
    return old;
}
template <class T>
T atomicMin(T* at, T x) {
    const T old = *at;
    *at = x < old ? x : old;
    return old;
}
template <class T>
T atomicExch(T* at, T x) {
    const T old = *at;
    *at = x;
    return old;
}
template <class T>
T atomicCAS(T* at, T compare, T x) {
    const T old = *at;
    if (old == compare) *at = x;
    return old;
}

// ---- what src/main/cuda wraps: the matrix instructions (mma.h)

namespace emulation {

void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void load_matrices(uint32_t (&r)[4], const void* shared_row, bool transposed);

// Queues kernel(values...) on the stream.
template <class... Parameters>
cudaError_t launch(const char* name, const char* file, int line, void (*kernel)(Parameters...), const std::tuple<std::decay_t<Parameters>...>& values,
                   dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream) {
    const Turn turn;
    int index = 0;
    std::vector<Block> blocks;
    std::apply([&](const auto&... value) { (check_argument(name, index++, value, blocks), ...); }, values);
    const Launch launch{name, {file, line}, reinterpret_cast<const void*>(kernel), grid, block, shared_bytes,
                        (size_t(0) + ... + sizeof(std::decay_t<Parameters>))};
    return queue_kernel(launch, stream, std::move(blocks), [kernel, values] { std::apply(kernel, values); });
}

}  // namespace emulation

namespace apo {
namespace cuda {

template <class T>
T* dynamic_shared() {
    return static_cast<T*>(emulation::dynamic_shared());
}

}  // namespace cuda
}  // namespace apo
