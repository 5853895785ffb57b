// The values of packed weights, for the product that reads them where they lie.
#pragma once

#include "device.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

// scales(count) of an NF4 matrix's blocks from `first` on.
void nf4_scales(const QuantizedMatrix& w, int64_t first, int64_t count, float* scales);

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
