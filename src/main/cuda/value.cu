#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

// A block has a row. Sums are f64: a score decides between answers.
template <class T>
__global__ void value_forward_kernel(int64_t hidden, const T* x, const T* weight, float* score) {
    APO_SHARED(double, room, kWarp);
    const T* row = x + int64_t(blockIdx.x) * hidden;
    double sum = 0;
    for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) sum += double(to_float(row[j])) * double(to_float(weight[j]));
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) score[blockIdx.x] = float(sum);
}

// A thread has a column, for the sum over rows to have one order. Rows are few: one an answer.
template <class T>
__global__ void value_backward_kernel(int64_t rows, int64_t hidden, const T* x, const T* weight, const float* dscore, T* dx,
                                      float* dweight) {
    const int64_t j = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (j >= hidden) return;
    const float w = to_float(weight[j]);
    float sum = dweight[j];
    for (int64_t r = 0; r < rows; r++) {
        sum += dscore[r] * to_float(x[r * hidden + j]);
        dx[r * hidden + j] = from_float<T>(dscore[r] * w);
    }
    dweight[j] = sum;
}

}  // namespace

void value_forward(Device& device, const ValueForward& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        APO_LAUNCH(d, value_forward_kernel<T>, unsigned(op.rows), threads_for(op.hidden, kThreads), 0, op.hidden,
                   static_cast<const T*>(op.x), static_cast<const T*>(op.weight), op.score);
    });
}

void value_backward(Device& device, const ValueBackward& op) {
    CudaDevice& d = gpu(device);
    constexpr int64_t threads = 64;
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        APO_LAUNCH(d, value_backward_kernel<T>, blocks_for(op.hidden, threads), unsigned(threads), 0, op.rows, op.hidden,
                   static_cast<const T*>(op.x), static_cast<const T*>(op.weight), op.dscore, static_cast<T*>(op.dx), op.dweight);
    });
}

}  // namespace cuda
}  // namespace apo
