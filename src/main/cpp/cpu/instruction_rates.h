// How fast a processor's instructions for products are, where its features alone do not say.
#pragma once

namespace apo {

// Multiply-adds a nanosecond of one core, in registers: by AVX-512's instruction for f32, and by that for pairs of bf16
// (AVX512_BF16).
struct InstructionRates {
    double f32, bf16;
};

// Whether products of bf16 should be made by its instruction, and not by f32's after widening. The same on every start, for a run
// that goes on has to make its products as before: an instruction takes one or two of a core's ports for one or two cycles, so
// that the ratio of the rates is 0.5 (Intel), 1 or 2 (AMD), and the bound lies as far as it can from these. Where the rates are
// equal, widening is as fast.
inline bool worth_bf16(const InstructionRates& rates) { return rates.bf16 > 1.4 * rates.f32; }

// Only on a processor that has AVX512_BF16, and a system that lets it be used. Takes a millisecond.
InstructionRates measure_instruction_rates();

}  // namespace apo
