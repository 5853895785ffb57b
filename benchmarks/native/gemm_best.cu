// Matrix products of the op table beside cuBLASLt's best: of up to 16 algorithms that its heuristic proposes with 256 MiB of
// workspace, each timed alone, at the shapes of a layer of an 8B model and 8,192 tokens, bf16.
//
//   gemm_best [--device cuda:0] [--csv FILE]
//
// share is the op's rate over the best one's.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <string>

#include "cublaslt.h"
#include "engine/cuda_loader.h"
#include "error.h"
#include "ops/bench.h"

namespace {

using namespace op_bench;
namespace lt = apo::cuda::lt;

struct Shape {
    const char* use;
    int64_t m, n, k;
    bool transpose_a, transpose_b;
};

void must(bool good, const char* what) {
    if (!good) apo::fail(APO_E_DEVICE, "%s failed", what);
}

// Median seconds of a launch over 5 rounds of about 30 ms.
template <class F>
double seconds_of(F launch) {
    auto round = [&](int count) {
        must(cudaDeviceSynchronize() == cudaSuccess, "cudaDeviceSynchronize");
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < count; i++) launch();
        must(cudaDeviceSynchronize() == cudaSuccess, "cudaDeviceSynchronize");
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / count;
    };
    launch();
    const int count = int(std::clamp(0.03 / round(1), 1.0, 500.0));
    double rounds[5];
    for (double& r : rounds) r = round(count);
    std::sort(rounds, rounds + 5);
    return rounds[2];
}

// The best time of cuBLASLt's proposals for C = op(A) op(B), all bf16; column-major it is C^T = op(B)^T op(A)^T.
double best_seconds(const Shape& s, const Memory& a, const Memory& b, const Memory& c, const Memory& workspace, size_t workspace_bytes) {
    const lt::Functions& f = lt::functions();
    lt::Handle handle;
    lt::MatmulDesc product;
    lt::MatrixLayout la, lb, lc;
    lt::Preference preference;
    must(f.create(&handle) == lt::kSuccess, "cublasLtCreate");
    must(f.matmul_desc_create(&product, lt::kCompute32f, lt::kReal32f) == lt::kSuccess, "cublasLtMatmulDescCreate");
    const int first = s.transpose_b ? lt::kOpT : lt::kOpN, second = s.transpose_a ? lt::kOpT : lt::kOpN;
    f.matmul_desc_set_attribute(product, lt::kMatmulDescTransA, &first, sizeof first);
    f.matmul_desc_set_attribute(product, lt::kMatmulDescTransB, &second, sizeof second);
    f.matrix_layout_create(&la, lt::kReal16bf, uint64_t(s.transpose_b ? s.k : s.n), uint64_t(s.transpose_b ? s.n : s.k), s.transpose_b ? s.k : s.n);
    f.matrix_layout_create(&lb, lt::kReal16bf, uint64_t(s.transpose_a ? s.m : s.k), uint64_t(s.transpose_a ? s.k : s.m), s.transpose_a ? s.m : s.k);
    f.matrix_layout_create(&lc, lt::kReal16bf, uint64_t(s.n), uint64_t(s.m), s.n);
    f.preference_create(&preference);
    const uint64_t limit = workspace_bytes;
    f.preference_set_attribute(preference, lt::kPreferenceMaxWorkspace, &limit, sizeof limit);
    f.preference_set_attribute(preference, lt::kPreferenceReductionSchemes, &lt::kReductionComputeType, sizeof lt::kReductionComputeType);
    lt::HeuristicResult results[16];
    int found = 0;
    must(f.get_heuristic(handle, product, la, lb, lc, lc, preference, 16, results, &found) == lt::kSuccess, "cublasLtMatmulAlgoGetHeuristic");
    const float one = 1, zero = 0;
    double best = 0;
    for (int i = 0; i < found; i++) {
        auto launch = [&] {
            return f.matmul(handle, product, &one, b.get(), la, a.get(), lb, &zero, c.get(), lc, c.get(), lc, &results[i].algorithm, workspace.get(),
                            results[i].workspace_bytes, nullptr);
        };
        if (launch() != lt::kSuccess) continue;
        const double seconds = seconds_of(launch);
        if (best == 0 || seconds < best) best = seconds;
    }
    must(best > 0, "every algorithm that cuBLASLt proposed");
    f.preference_destroy(preference);
    for (lt::MatrixLayout layout : {la, lb, lc}) f.matrix_layout_destroy(layout);
    f.matmul_desc_destroy(product);
    f.destroy(handle);
    return best;
}

void run(int index, const char* path) {
    const apo::OpTable& ops = apo::cuda_ops();
    const apo_engine_options options{APO_CUDA, index, 0, 0};
    const std::unique_ptr<apo::Device, void (*)(apo::Device*)> device(ops.open(options), ops.close);
    must(cudaSetDevice(index) == cudaSuccess, "cudaSetDevice");
    const Target target{ops, *device};
    apo_device_info info{};
    ops.info(*device, &info);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(path == nullptr ? nullptr : std::fopen(path, "w"), [](std::FILE* f) { return f ? std::fclose(f) : 0; });
    char date[16];
    const std::time_t time = std::time(nullptr);
    std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&time));
    if (file) std::fprintf(file.get(), "date,device,gemm,use,m,n,k,dtype,tflop_per_s,best_tflop_per_s,share\n");
    constexpr int64_t T = 8192, C = 4096, F = 14336, W = 6144;
    const Shape shapes[] = {
        {"forward", T, W, C, false, true}, {"forward", T, C, C, false, true}, {"forward", T, 2 * F, C, false, true}, {"forward", T, C, F, false, true},
        {"input_gradient", T, C, W, false, false}, {"input_gradient", T, C, 2 * F, false, false}, {"input_gradient", T, F, C, false, false},
        {"square", 8192, 8192, 8192, false, true},
    };
    constexpr size_t kWorkspace = size_t(256) << 20;
    const Memory workspace = zeros(target, int64_t(kWorkspace));
    for (const Shape& s : shapes) {
        const Memory a = normal(target, DType::bf16, s.m * s.k), b = normal(target, DType::bf16, s.n * s.k), c = zeros(target, s.m * s.n * 2);
        const int64_t lda = s.transpose_a ? s.m : s.k, ldb = s.transpose_b ? s.k : s.n;
        const double ours = seconds_of([&] {
            ops.gemm(*device, {s.m, s.n, s.k, s.transpose_a, s.transpose_b, DType::bf16, DType::bf16, DType::bf16, a.get(), lda, b.get(), ldb, c.get(), s.n, 0});
        });
        const double best = best_seconds(s, a, b, c, workspace, kWorkspace), flops = 2e-12 * double(s.m) * double(s.n) * double(s.k);
        std::printf("%-16s m%lld n%lld k%lld: %.1f TFLOP/s, cuBLASLt's best %.1f, share %.3f\n", s.use, (long long)s.m, (long long)s.n, (long long)s.k,
                    flops / ours, flops / best, best / ours);
        if (file) {
            std::fprintf(file.get(), "%s,%s,%s,%s,%lld,%lld,%lld,bf16,%.2f,%.2f,%.4f\n", date, info.name, info.gemm, s.use, (long long)s.m, (long long)s.n,
                         (long long)s.k, flops / ours, flops / best, best / ours);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    int index = 0;
    const char* path = nullptr;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::strcmp(argv[i], "--csv") == 0) path = argv[i + 1];
        else if (std::strcmp(argv[i], "--device") != 0 || std::sscanf(argv[i + 1], "cuda:%d", &index) != 1) {
            std::fprintf(stderr, "usage: gemm_best [--device cuda:N] [--csv FILE]\n");
            return 2;
        }
    }
    try {
        run(index, path);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "gemm_best: %s\n", e.what());
        return 1;
    }
}
