// Sums and maxima over a warp and a block, in one fixed order, so that results repeat bit for bit.
#pragma once

#include "platform.h"

namespace apo {
namespace cuda {

// The value of all lanes, in every lane.
template <class T>
APO_DEVICE T warp_sum(T x) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
    return x;
}

APO_DEVICE float warp_max(float x) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, step));
    return x;
}

// Over a group of 2, 4, 8, 16 or 32 neighbouring lanes.
template <int Lanes, class T>
APO_DEVICE T group_sum(T x) {
#pragma unroll
    for (int step = Lanes / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
    return x;
}

template <int Lanes>
APO_DEVICE float group_max(float x) {
#pragma unroll
    for (int step = Lanes / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, step));
    return x;
}

// Over the block, in every thread; blocks are one-dimensional. `room` is shared memory for 32 values; it is free for other
// use when the function returns.
template <class T>
APO_DEVICE T block_sum(T x, T* room) {
    const int warps = int(blockDim.x) / kWarp;
    x = warp_sum(x);
    if (warps == 1) return x;
    if (lane_index() == 0) room[warp_index()] = x;
    __syncthreads();
    x = lane_index() < warps ? room[lane_index()] : T(0);
    x = warp_sum(x);
    __syncthreads();
    return x;
}

APO_DEVICE float block_max(float x, float* room) {
    const int warps = int(blockDim.x) / kWarp;
    x = warp_max(x);
    if (warps == 1) return x;
    if (lane_index() == 0) room[warp_index()] = x;
    __syncthreads();
    x = room[lane_index() < warps ? lane_index() : 0];
    x = warp_max(x);
    __syncthreads();
    return x;
}

APO_DEVICE uint64_t warp_min(uint64_t x) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) {
        const uint64_t other = __shfl_xor_sync(kAllLanes, x, step);
        x = other < x ? other : x;
    }
    return x;
}

APO_DEVICE uint64_t block_min(uint64_t x, uint64_t* room) {
    const int warps = int(blockDim.x) / kWarp;
    x = warp_min(x);
    if (warps == 1) return x;
    if (lane_index() == 0) room[warp_index()] = x;
    __syncthreads();
    x = warp_min(room[lane_index() < warps ? lane_index() : 0]);
    __syncthreads();
    return x;
}

}  // namespace cuda
}  // namespace apo
