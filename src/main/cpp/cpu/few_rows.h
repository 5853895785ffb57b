// Products of a few rows, as in decoding.
#pragma once

#include "device.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

// C(m,n) = A(m,k) B(n,k)^T + beta C for small m: `gemm` with transpose_b alone. Any mix of f32 and bf16, sums in f32.
void few_rows(Device& device, const Gemm& op);

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
