// Products of many rows with bf16 that no instruction multiplies.
#pragma once

#include "device.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

// C(m,n) = op(A) op(B) + beta C: `gemm` of any mix of f32 and bf16, multiplied and summed in f32.
void packed_product(Device& device, const Gemm& op);

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
