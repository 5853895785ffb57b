// The second half of every gradient of a vector: partial sums that blocks left, added in their order.
#pragma once

#include "device.h"

namespace apo {
namespace cuda {

// target(n) += sum over parts of partial(parts, n).
void add_column_sums(CudaDevice& device, int64_t parts, int64_t n, const float* partial, float* target);

}  // namespace cuda
}  // namespace apo
