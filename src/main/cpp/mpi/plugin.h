// What libmetaapo_mpi.so gives the engine (engine/mpi_loader.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "transport.h"

extern "C" {

// The name and version of the MPI library, such as "Open MPI v4.1.4"; may be called before apo_mpi_plugin_open.
void apo_mpi_plugin_name(char* name, size_t bytes);

// Joins the processes of the launcher; once in a process, and every one of them does. abi_version and bytes: kTransportAbiVersion and
// sizeof(Transport) of the engine. most_bytes: of all that one call of MPI moves, below 2^31. Returns null, or one line that says what failed.
const char* apo_mpi_plugin_open(int32_t abi_version, int32_t bytes, size_t most_bytes, apo::Transport* transport);

}
