#include "column_sums.h"

#include "launch.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kRows = kThreads / kWarp;

// A block has 32 columns; warp w sums parts w, w + 8, ...
__global__ void column_sums_kernel(int64_t parts, int64_t n, const float* partial, float* target) {
    APO_SHARED(float, sums, kThreads);
    const int64_t j = int64_t(blockIdx.x) * kWarp + lane_index();
    float sum = 0;
    if (j < n) {
        for (int64_t part = warp_index(); part < parts; part += kRows) sum += partial[part * n + j];
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (warp_index() != 0 || j >= n) return;
    float total = target[j];
    for (int row = 0; row < kRows; row++) total += sums[row * kWarp + lane_index()];
    target[j] = total;
}

}  // namespace

void add_column_sums(CudaDevice& device, int64_t parts, int64_t n, const float* partial, float* target) {
    APO_LAUNCH(device, column_sums_kernel, blocks_for(n, kWarp), kThreads, 0, parts, n, partial, target);
}

}  // namespace cuda
}  // namespace apo
