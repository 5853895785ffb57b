#include "limits.h"

#include "error.h"

namespace emulation {

namespace {

constexpr size_t kib(size_t n) { return n << 10; }

}  // namespace

// 8.x runs sm_80, and 12.0 what its driver makes of the PTX.
const std::vector<Limits>& all_limits() {
    static const std::vector<Limits> all{
        {80, "sm_80", 108, kib(163), kib(164), 2048},  {86, "sm_80", 84, kib(99), kib(100), 1536},
        {89, "sm_80", 128, kib(99), kib(100), 1536},   {90, "sm_90a", 132, kib(227), kib(228), 2048},
        {100, "sm_100", 148, kib(227), kib(228), 2048}, {120, "sm_120", 170, kib(99), kib(100), 1536},
    };
    return all;
}

const Limits& limits_of(int capability) {
    for (const Limits& limits : all_limits()) {
        if (limits.capability == capability) return limits;
    }
    apo::fail(APO_E_INTERNAL, "the emulation has no GPU of compute capability %d.%d", capability / 10, capability % 10);
}

}  // namespace emulation
