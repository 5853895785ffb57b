// Matrix products: cuBLASLt (cublaslt.cu).
#pragma once

#include <memory>
#include <string>

#include "ops.h"

namespace apo {
namespace cuda {

class CudaDevice;

class MatrixLibrary {
public:
    virtual ~MatrixLibrary() = default;
    // Of one element type for A and B; C is of that type, or f32.
    virtual void multiply(CudaDevice& device, const Gemm& gemm) = 0;
    // With version, such as "cuBLASLt 13.0.2".
    virtual std::string name() const = 0;
};

// Throws APO_E_DEVICE where the library is not found.
std::unique_ptr<MatrixLibrary> open_matrix_library(CudaDevice& device);

}  // namespace cuda
}  // namespace apo
