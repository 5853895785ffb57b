// Errors of the GPU: those that one call comes to, and those that stay until the context is thrown away; the way back from these.
#include "emulated_gpu.h"

#include <dlfcn.h>

#include "cublaslt.h"
#include "engine/cuda_loader.h"
#include "tiny_model.h"

using namespace apo_test;

namespace {

// The op table with a device and 64 numbers on it.
struct Opened {
    Opened() : ops(*cuda_backend().ops), device(ops.open(cuda_backend().open)), x(ops.allocate(*device, 64 * sizeof(float))) {}
    ~Opened() { close(); }
    void close() {
        if (device == nullptr) return;
        ops.release(*device, x);
        ops.close(device);
        device = nullptr;
    }
    void add() { ops.add(*device, {16, apo::DType::f32, x, x}); }
    // Of the first 16 numbers as (4,4) with themselves, to the next 16.
    void multiply() {
        ops.gemm(*device, {4, 4, 4, false, true, apo::DType::f32, apo::DType::f32, apo::DType::f32, x, 4, x, 4, static_cast<float*>(x) + 16, 4, 0});
    }
    // The first number of a product of ones.
    float product() {
        const std::vector<float> ones(16, 1.0f);
        ops.copy_to_device(*device, x, ones.data(), ones.size() * sizeof(float));
        multiply();
        float first = 0;
        ops.copy_to_host(*device, &first, static_cast<float*>(x) + 16, sizeof first);
        return first;
    }
    std::string synchronized() {
        float none;
        return thrown([&] { ops.copy_to_host(*device, &none, x, sizeof none); });
    }

    const apo::OpTable& ops;
    apo::Device* device;
    void* x;
};

}  // namespace

TEST(an_error_of_one_launch_costs_nothing_else) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::Machine& machine = emulation::machine();
    const uint64_t context = emulation::context();
    {
        Opened gpu;
        for (cudaError_t error : {cudaErrorInvalidValue, cudaErrorLaunchOutOfResources}) {
            machine.next_launch = error;
            const std::string text = thrown([&] { gpu.add(); });
            CHECK(has(text, "add_kernel") && has(text, "convert.cu") && has(text, cudaGetErrorString(error)) && has(text, "the GPU goes on"));
            CHECK(text.find("open it again") == std::string::npos);
            CHECK(gpu.product() == 4);
        }
        machine.next_launch = cudaErrorInvalidValue;
        CHECK(has(thrown([&] { gpu.multiply(); }), "cublasLtMatmul: an error of the emulated library (13)"));
        CHECK(gpu.product() == 4);
    }
    CHECK(emulation::context() == context);  // nothing was reset
}

TEST(after_a_fault_the_engine_is_closed_and_opened_and_multiplies) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::Machine& machine = emulation::machine();
    Opened gpu;
    CHECK(gpu.product() == 4);
    // The kernel runs behind its launch: what comes next meets the fault, and names it.
    machine.next_run = cudaErrorIllegalAddress;
    gpu.add();
    const std::string fault = gpu.synchronized();
    CHECK(has(fault, "illegal memory access") && has(fault, "after kernel (add_kernel") && has(fault, "open it again"));
    for (const std::string& again : {thrown([&] { gpu.add(); }), gpu.synchronized()}) CHECK(has(again, "illegal memory access"));
    // The library does not say that a kernel before its own has failed.
    const std::string product = thrown([&] { gpu.multiply(); });
    CHECK(has(product, "illegal memory access") && has(product, "cublasLtMatmul (cublaslt.cu") && has(product, "after kernel (add_kernel"));
    CHECK(thrown([&] { Opened another; }) != "");  // for the first one is still open
    const uint64_t context = emulation::context();
    gpu.close();
    CHECK(emulation::context() == context + 1 && emulation::fault_of_context() == cudaSuccess);
    // All that was of the context is made anew: streams, events, memory, the library's handle, what kernels may take.
    for (int i = 0; i < 2; i++) CHECK(Opened().product() == 4);
    CHECK(emulation::context() == context + 1);
}

TEST(a_fault_nobody_waited_for_and_one_that_another_engine_met_are_thrown_away_too) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    const uint64_t context = emulation::context();
    {
        Opened gpu;
        emulation::machine().next_run = cudaErrorIllegalAddress;
        gpu.add();
    }
    CHECK(emulation::context() == context + 1 && Opened().product() == 4);
    {
        Opened first, second;
        emulation::machine().next_run = cudaErrorIllegalAddress;
        first.add();
        CHECK(has(first.synchronized(), "illegal memory access"));
        first.close();
        CHECK(emulation::context() == context + 1);  // the second one's, too
    }
    CHECK(emulation::context() == context + 2 && Opened().product() == 4);
}

// Large shared memory is asked for again in the new context.
TEST(a_kernel_with_much_shared_memory_runs_after_a_fault) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    for (int round = 0; round < 2; round++) {
        Opened gpu;
        const int64_t hidden = 8192;
        auto* rows = static_cast<float*>(gpu.ops.allocate(*gpu.device, size_t(6 * hidden) * sizeof(float)));
        gpu.ops.rmsnorm_backward(*gpu.device, {1, hidden, apo::DType::f32, rows, rows + hidden, rows + 2 * hidden, rows + 3 * hidden,
                                               rows + 4 * hidden, rows + 5 * hidden});
        CHECK(gpu.synchronized() == "");
        emulation::machine().next_run = cudaErrorIllegalAddress;
        gpu.add();
        CHECK(gpu.synchronized() != "");
        gpu.ops.release(*gpu.device, rows);
    }
}

TEST(libraries_that_cannot_serve_are_named_with_what_to_do) {
    if (options().cuda_index >= 0) return;
    using apo::load_cuda_ops;
    const std::string missing = thrown([] { load_cuda_ops("/nowhere/libmetaapo_cuda.so"); });
    CHECK(has(missing, "/nowhere/libmetaapo_cuda.so") && has(missing, "nvcc") && has(missing, "--device cpu"));
    CHECK(has(thrown([] { load_cuda_ops("libm.so.6"); }), "libm.so.6 has no apo_cuda_ops; build both libraries together"));
    apo::OpTable table = *cuda_backend().ops;
    apo::check_table(&table, "it");
    table.abi_version--;
    CHECK(has(thrown([&] { apo::check_table(&table, "it"); }), "it has op table version"));
    table = *cuda_backend().ops;
    table.repeat_rows = nullptr;
    CHECK(has(thrown([&] { apo::check_table(&table, "it"); }), "it lacks entry"));

    namespace lt = apo::cuda::lt;
    const std::string none = thrown([] { lt::load({"libnone.so.13", "libnone.so.12"}); });
    CHECK(has(none, "is not found") && has(none, "nvidia-cublas") && has(none, "LD_LIBRARY_PATH"));
    CHECK(has(thrown([] { lt::load({"libnone.so.13", "libm.so.6"}); }), "has no cublasLtCreate"));
}

// As a program meets it: the library is loaded, a model works, a kernel faults, everything is closed and opened again.
TEST(a_loaded_backend_works_again_after_a_fault) {
    if (options().cuda_index >= 0) return;
    const Backend loaded{"loaded", &apo::load_cuda_ops(METAAPO_EMULATED_GPU), {APO_CUDA, 0, 0, 0}};
    void* library = dlopen(METAAPO_EMULATED_GPU, RTLD_NOW | RTLD_NOLOAD);
    const auto fault = reinterpret_cast<void (*)()>(dlsym(library, "apo_emulation_fault"));
    const std::vector<int32_t> tokens{3, 1, 4, 1, 5, 9, 2, 6}, prompts{3}, counts{2}, answers{2, 3};
    const apo_batch batch{1, 2, 8, tokens.data(), prompts.data(), counts.data(), answers.data()};
    const auto scorer_of = [](World& world) {
        apo_scorer* scorer = nullptr;
        CHECK(apo_scorer_create(world.model, nullptr, 8, &scorer, &world.error) == APO_OK);
        return scorer;
    };
    const auto score = [&](World& world, apo_scorer* scorer, std::vector<double>& sums) {
        sums.assign(2, 0);
        const apo_status status = apo_scorer_logprobs(scorer, &batch, nullptr, sums.data(), nullptr, &world.error);
        return status == APO_OK ? "" : std::to_string(status) + " " + world.error.message;
    };
    std::vector<double> first, again, none;
    for (std::vector<double>* sums : {&first, &again}) {
        World world(loaded);
        apo_scorer* scorer = scorer_of(world);
        CHECK(score(world, scorer, *sums) == "");
        fault();
        for (int i = 0; i < 2; i++) {
            const std::string text = score(world, scorer, none);
            CHECK(has(text, "4 ") && has(text, "illegal memory access") && has(text, "close the engine and open it again"));
        }
        CHECK(apo_scorer_close(scorer, &world.error) == APO_OK);
    }
    CHECK(first == again && first[0] < 0);
    World cpu({"CPU", &apo::cpu_ops(), {APO_CPU, 0, 1, 0}});
    apo_scorer* scorer = scorer_of(cpu);
    CHECK(score(cpu, scorer, none) == "" && apo_scorer_close(scorer, &cpu.error) == APO_OK);
    for (size_t i = 0; i < 2; i++) CHECK_CLOSE(first[i], none[i], 1e-3);
    dlclose(library);
}
