#include "instruction_rates.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace apo {

namespace {

constexpr int kRounds = 64;
constexpr long kTurns = 1000;  // of a loop over twelve instructions that do not wait for each other: some microseconds

// Twelve sums in registers, of zeros. The compiler of this file knows no AVX-512, hence the names of the lower halves.
#define APO_TWELVE(instruction)                                                                                                     \
    instruction " %%zmm12, %%zmm13, %%zmm0\n" instruction " %%zmm12, %%zmm13, %%zmm1\n" instruction " %%zmm12, %%zmm13, %%zmm2\n"   \
    instruction " %%zmm12, %%zmm13, %%zmm3\n" instruction " %%zmm12, %%zmm13, %%zmm4\n" instruction " %%zmm12, %%zmm13, %%zmm5\n"   \
    instruction " %%zmm12, %%zmm13, %%zmm6\n" instruction " %%zmm12, %%zmm13, %%zmm7\n" instruction " %%zmm12, %%zmm13, %%zmm8\n"   \
    instruction " %%zmm12, %%zmm13, %%zmm9\n" instruction " %%zmm12, %%zmm13, %%zmm10\n" instruction " %%zmm12, %%zmm13, %%zmm11\n"
#define APO_LOOP(instruction)                                                                                                       \
    long turns = kTurns;                                                                                                            \
    asm volatile("vzeroall\n1:\n" APO_TWELVE(instruction) "dec %0\njnz 1b\nvzeroupper\n"                                            \
                 : "+r"(turns)                                                                                                      \
                 :                                                                                                                  \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
                   "xmm13", "xmm14", "xmm15")

void f32_loop() { APO_LOOP("vfmadd231ps"); }
void bf16_loop() { APO_LOOP("vdpbf16ps"); }

#undef APO_LOOP
#undef APO_TWELVE

template <class Loop>
double nanoseconds(Loop loop) {
    const auto start = std::chrono::steady_clock::now();
    loop();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

InstructionRates measure_instruction_rates() {
    // Of the shortest of many runs in turn, each far shorter than a scheduler's time slice: what disturbs a run makes it longer.
    double f32 = std::numeric_limits<double>::max(), bf16 = f32;
    for (int i = 0; i < kRounds; i++) {
        f32 = std::min(f32, nanoseconds(f32_loop));
        bf16 = std::min(bf16, nanoseconds(bf16_loop));
    }
    const double adds = 12.0 * kTurns;
    return {16 * adds / f32, 32 * adds / bf16};
}

}  // namespace apo
