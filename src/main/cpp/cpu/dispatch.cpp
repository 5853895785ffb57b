// Chooses the CPU backend's op table by what the processor can do.
#include "device.h"

namespace apo {

namespace {

enum class Level { v2, v3, v4 };

Level best_level() {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
        return Level::v4;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return Level::v3;
    return Level::v2;
}

}  // namespace

const char* cpu_isa_name() {
    switch (best_level()) {
        case Level::v4: return "avx512";
        case Level::v3: return "avx2";
        default: return "sse4.2";
    }
}

const OpTable& cpu_ops() {
    switch (best_level()) {
        case Level::v4: return cpu_ops_v4();
        case Level::v3: return cpu_ops_v3();
        default: return cpu_ops_v2();
    }
}

}  // namespace apo
