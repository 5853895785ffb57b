// Measures what the log-prob head adds to the process's memory at 8,192 tokens and a vocabulary of 151,936 (Qwen2.5-0.5B's
// head), forward and backward: the growth of the peak resident size over the inputs and outputs. Prints a JSON line each.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cpu/device.h"

namespace {

double peak_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_maxrss) / 1024;
}

void measure(apo::DType dtype, const char* name) {
    constexpr int64_t kTokens = 8192, kHidden = 896, kVocab = 151936;
    const apo::OpTable& ops = apo::cpu_ops();
    apo_engine_options options{APO_CPU, 0, 0, 0};
    apo::Device& device = *ops.open(options);
    auto filled = [](size_t bytes) { return std::vector<char>(bytes, 0); };
    std::vector<char> x = filled(kTokens * kHidden * bytes_of(dtype)), head = filled(kVocab * kHidden * bytes_of(dtype)), dx = x;
    std::vector<float> logp(kTokens, 1), lse(kTokens, 1), coef(kTokens, 1), dhead(kVocab * kHidden, 1);
    std::vector<int32_t> targets(kTokens, 7);
    for (bool backward : {false, true}) {
        const double before = peak_mib();
        const auto start = std::chrono::steady_clock::now();
        const size_t bytes = ops.logprob_scratch(kTokens, kHidden, kVocab, dtype, backward);
        std::vector<char> scratch = filled(bytes);
        if (backward) {
            ops.logprob_backward(device, {kTokens, kHidden, kVocab, dtype, x.data(), head.data(), targets.data(), lse.data(), coef.data(), dx.data(), dhead.data(), scratch.data(), bytes});
        } else {
            ops.logprob_forward(device, {kTokens, kHidden, kVocab, dtype, x.data(), head.data(), targets.data(), logp.data(), lse.data(), nullptr, nullptr, scratch.data(), bytes});
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::printf("{\"pass\": \"%s\", \"dtype\": \"%s\", \"tokens\": %lld, \"vocab\": %lld, \"added_mib\": %.1f, \"seconds\": %.2f}\n",
                    backward ? "backward" : "forward", name, (long long)kTokens, (long long)kVocab, peak_mib() - before, seconds);
        std::fflush(stdout);
    }
    ops.close(&device);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "bf16") == 0) {
        measure(apo::DType::bf16, "bf16");
    } else if (argc == 2 && std::strcmp(argv[1], "f32") == 0) {
        measure(apo::DType::f32, "f32");
    } else {
        std::fprintf(stderr, "usage: head_memory f32|bf16\n");
        return 2;
    }
    return 0;
}
