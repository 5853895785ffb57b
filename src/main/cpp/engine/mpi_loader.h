// MPI, by libmetaapo_mpi.so beside the engine's own library.
#pragma once

#include <string>

#include "transport.h"

namespace apo {

// The name and version of the MPI library, without starting it. Throws APO_E_DEVICE where the plugin is missing or does not load.
std::string mpi_name();

// Of all that one call of MPI moves: its counts, and what its algorithms make of them, are of 32 bits.
constexpr size_t kMpiBytes = size_t(1) << 30;

// Joins the processes that a launcher has started, `size` of them as it says in the environment; every one of them does, once. control:
// MPI carries few bytes, as of ranks whose GPUs have a way of their own. Throws APO_E_DEVICE as above, or where MPI does not start or
// finds another number of processes.
Transport open_mpi(int32_t size, bool control, size_t most_bytes = kMpiBytes);

}  // namespace apo
