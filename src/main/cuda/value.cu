#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

// A block has a row. Sums are f64: a score decides between answers.
template <class T, class W>
__global__ void value_forward_kernel(int64_t hidden, const T* x, const W* weight, float* score) {
    APO_SHARED(double, room, kWarp);
    const T* row = x + int64_t(blockIdx.x) * hidden;
    double sum = 0;
    for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) sum += double(to_float(row[j])) * double(to_float(weight[j]));
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) score[blockIdx.x] = float(sum);
}

// A thread has a column, for the sum over rows to have one order. Rows are few: one an answer.
template <class T, class W>
__global__ void value_backward_kernel(int64_t rows, int64_t hidden, const T* x, const W* weight, const float* dscore, T* dx,
                                      float* dweight) {
    const int64_t j = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (j >= hidden) return;
    const float w = to_float(weight[j]);
    for (int64_t r = 0; r < rows; r++) dx[r * hidden + j] = from_float<T>(dscore[r] * w);
    if (dweight == nullptr) return;
    float sum = dweight[j];
    for (int64_t r = 0; r < rows; r++) sum += dscore[r] * to_float(x[r * hidden + j]);
    dweight[j] = sum;
}

// body(T{}, W{}) with the types of x and the weight.
template <class Body>
void with_types(DType x, DType weight, Body body) {
    with_type(x, [&](auto x_tag) { with_type(weight, [&](auto weight_tag) { body(x_tag, weight_tag); }); });
}

}  // namespace

void value_forward(Device& device, const ValueForward& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    with_types(op.dtype, op.weight_type, [&](auto tag, auto weight_tag) {
        using T = decltype(tag);
        using W = decltype(weight_tag);
        APO_LAUNCH(d, (value_forward_kernel<T, W>), unsigned(op.rows), threads_for(op.hidden, kThreads), 0, op.hidden,
                   static_cast<const T*>(op.x), static_cast<const W*>(op.weight), op.score);
    });
}

void value_backward(Device& device, const ValueBackward& op) {
    CudaDevice& d = gpu(device);
    constexpr int64_t threads = 64;
    with_types(op.dtype, op.weight_type, [&](auto tag, auto weight_tag) {
        using T = decltype(tag);
        using W = decltype(weight_tag);
        APO_LAUNCH(d, (value_backward_kernel<T, W>), blocks_for(op.hidden, threads), unsigned(threads), 0, op.rows, op.hidden,
                   static_cast<const T*>(op.x), static_cast<const W*>(op.weight), op.dscore, static_cast<T*>(op.dx), op.dweight);
    });
}

}  // namespace cuda
}  // namespace apo
