// How the backend asks cuBLASLt: as few questions as can be, and no sum that is rounded on its way.
#include "emulated_gpu.h"

#include "op_case.h"

using namespace apo_test;

namespace {

// The CUDA backend's device as the place of arrays.
struct OnDevice {
    OnDevice() : ops(*cuda_backend().ops), device(*ops.open(cuda_backend().open)) { place() = {&ops, &device}; }
    ~OnDevice() {
        ops.close(&device);
        place() = {};
    }
    const apo::OpTable& ops;
    apo::Device& device;
};

// c = x w^T and the two products of its backward, of so many tokens; checked against the sums.
void products(OnDevice& gpu, int T, DType dtype) {
    const int N = 24, K = 40;
    Numbers numbers{uint32_t(T)};
    Array x = numbers.array(dtype, size_t(T * K)), w = numbers.array(dtype, size_t(N * K)), y(dtype, size_t(T * N)), dx(dtype, size_t(T * K));
    Array dw(DType::f32, size_t(N * K));
    dw.fill(0);
    gpu.ops.gemm(gpu.device, {T, N, K, false, true, dtype, dtype, dtype, x.data(), K, w.data(), K, y.data(), N, 0});
    gpu.ops.gemm(gpu.device, {T, K, N, false, false, dtype, dtype, dtype, y.data(), N, w.data(), K, dx.data(), K, 0});
    gpu.ops.gemm(gpu.device, {N, K, T, true, false, dtype, dtype, DType::f32, y.data(), N, x.data(), K, dw.data(), K, 1});
    for (int n = 0; n < N; n += 5) {
        for (int k = 0; k < K; k += 7) {
            double sum = 0;
            for (int t = 0; t < T; t++) sum += double(y[size_t(t * N + n)]) * x[size_t(t * K + k)];
            CHECK_CLOSE(dw[size_t(n * K + k)], sum, tolerance(dtype, 100));
        }
    }
    for (int t : {0, T / 2, T - 1}) {
        for (int k = 0; k < K; k += 7) {
            double sum = 0;
            for (int n = 0; n < N; n++) sum += double(y[size_t(t * N + n)]) * w[size_t(n * K + k)];
            CHECK_CLOSE(dx[size_t(t * K + k)], sum, tolerance(dtype, 100));
        }
    }
}

}  // namespace

TEST(products_of_other_numbers_of_tokens_ask_no_new_algorithm) {
    if (options().cuda_index >= 0) return;
    OnDevice gpu;
    products(gpu, 100, DType::bf16);
    const int64_t first = emulation::heuristics();
    for (int T : {90, 127, 128, 66, 100}) products(gpu, T, DType::bf16);
    CHECK(emulation::heuristics() == first);
    products(gpu, 130, DType::bf16);
    CHECK(emulation::heuristics() == first + 3);
    // One that another's algorithm does not serve has its own, and few tokens too.
    products(gpu, 129, DType::bf16);
    CHECK(emulation::heuristics() == first + 6);
    products(gpu, 5, DType::bf16);
    products(gpu, 6, DType::bf16);
    CHECK(emulation::heuristics() == first + 12);
}

// 256.5 - 256 in two halves: in bf16 the first is 256.
TEST(parts_of_a_sum_are_not_rounded) {
    if (options().cuda_index >= 0) return;
    OnDevice gpu;
    Array a(DType::bf16, 4), b(DType::bf16, 4), c(DType::bf16, 1);
    const float values[4] = {256, 0.5f, -256, 0};
    for (size_t i = 0; i < 4; i++) a.set(i, values[i]), b.set(i, 1);
    gpu.ops.gemm(gpu.device, {1, 1, 4, false, true, DType::bf16, DType::bf16, DType::bf16, a.data(), 4, b.data(), 4, c.data(), 1, 0});
    CHECK(c[0] == 0.5);
}
