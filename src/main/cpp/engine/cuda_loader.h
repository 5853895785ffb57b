// The CUDA backend, loaded from libmetaapo_cuda.so beside the engine's own library.
#pragma once

#include <string>

#include "ops.h"

namespace apo {

// Throws APO_E_DEVICE where the library is missing, does not load or was built with another op table.
const OpTable& cuda_ops();

// The same of a library at a path. It stays loaded.
const OpTable& load_cuda_ops(const std::string& path);

// Refuses a table of another ABI version, or with an op missing; `from` is named in the message.
void check_table(const OpTable* table, const char* from);

}  // namespace apo
