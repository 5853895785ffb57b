// cuBLASLt behind the matrix library's interface.
#include "error.h"
#include "device.h"
#include "matmul.h"

namespace apo {
namespace cuda {

std::unique_ptr<MatrixLibrary> open_matrix_library(CudaDevice& device) {
    fail(APO_E_UNSUPPORTED, "cuda:%d: this build has no matrix library", device.index);
}

}  // namespace cuda
}  // namespace apo
