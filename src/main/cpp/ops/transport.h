// What brings ranks together: the processes of a launcher (mpi/transport.cpp) or threads of one process (engine/local_transport.h).
// Host memory alone. Every rank makes the same calls in the same order; each returns when this rank's part is done.
#pragma once

#include <cstddef>
#include <cstdint>

namespace apo {

constexpr int32_t kTransportAbiVersion = 2;

// Functions return null, or one line that says what failed; it lives until this rank's next call. No exception crosses them.
struct Transport {
    int32_t abi_version;  // kTransportAbiVersion
    int32_t bytes;        // sizeof(Transport)
    int32_t rank, size;
    int32_t local_rank, local_size;  // among the ranks of this machine
    char name[128];                  // such as "Open MPI 4.1.4"
    void* context;

    const char* (*barrier)(void* context);
    // receive (size, bytes): what each rank sends, in the order of ranks. send may be receive's own part.
    const char* (*all_gather)(void* context, const void* send, size_t bytes, void* receive);
    // receive (size, bytes): from each rank what stands at this rank's place of its send (size, bytes). They do not overlap.
    const char* (*all_to_all)(void* context, const void* send, size_t bytes, void* receive);
    const char* (*broadcast)(void* context, void* data, size_t bytes, int32_t root);
    // Waits that begin from here on fail after so many seconds, with who did not come; 0, as at first: they have no end.
    void (*limit)(void* context, double seconds);
    // For a rank that waits for the others elsewhere, on its GPU: to be called again and again, with the seconds since it began. Null while
    // it may go on; else the wait has failed, as one of a call would.
    const char* (*overdue)(void* context, double waited);
    // Ends all ranks: the processes at once, with this exit status; those of threads with a failure of their next or present call.
    void (*abort)(void* context, int32_t status);
    void (*close)(void* context);
};

}  // namespace apo
