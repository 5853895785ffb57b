#include "backends.h"

#include <cstdio>

#include "cpu/device.h"
#include "emulation/block.h"
#include "engine/cuda_loader.h"
#include "error.h"
#include "nccl.h"

namespace apo {
namespace cuda {
const OpTable& ops();  // compiled for the host, in this program
}  // namespace cuda
}  // namespace apo

namespace {

bool has_nccl() {
    static const bool found = [] {
        try {
            apo::cuda::nccl::load({"libnccl.so.2"});
            return true;
        } catch (const apo::Error& e) {
            std::printf("SKIPPED ranks on GPUs: %s\n", e.what());
            return false;
        }
    }();
    return found;
}

}  // namespace

namespace apo_test {

Options& options() {
    static Options one;
    return one;
}

Backend cuda_backend() {
    if (!options().cuda) throw OtherBackend();
    if (options().cuda_index >= 0) {
        return {"cuda:" + std::to_string(options().cuda_index), &apo::cuda_ops(), {APO_CUDA, options().cuda_index, 0, 0}};
    }
    emulation::set_seed(options().seed);
    return {"emulated CUDA", &apo::cuda::ops(), {APO_CUDA, 0, 0, 0}};
}

std::vector<Backend> backends(const std::vector<int>& cpu_threads) {
    if (options().cuda_index >= 0 || options().launches || !options().cpu) return {cuda_backend()};
    std::vector<Backend> all;
    auto add = [&](const char* name, const apo::OpTable& ops) {
        for (int threads : cpu_threads) all.push_back({std::string(name) + ", " + std::to_string(threads) + " threads", &ops, {APO_CPU, 0, threads, 0}});
    };
    add("CPU v2", apo::cpu_ops_v2());
    if (&apo::cpu_ops() != &apo::cpu_ops_v2()) add("CPU v3", apo::cpu_ops_v3());
    if (&apo::cpu_ops() == &apo::cpu_ops_v4()) add("CPU v4", apo::cpu_ops_v4());
    if (options().cuda) all.push_back(cuda_backend());
    return all;
}

std::vector<Backend> engine_backends() {
    std::vector<Backend> all;
    if (options().cuda_index < 0 && !options().launches && options().cpu) all.push_back({"CPU", &apo::cpu_ops(), {APO_CPU, 0, 2, 0}});
    if (options().cuda) all.push_back(cuda_backend());
    return all;
}

bool has_ranks(const Backend& backend, int32_t size) {
    if (backend.open.device == APO_CPU) return true;
    return backend.open.device_index + size <= backend.ops->device_count() && (options().cuda_index < 0 || has_nccl());
}

}  // namespace apo_test
