// The part of NCCL that the backend uses, declared here so that neither building nor loading it needs the library: it is opened
// at run time, where ranks come together. Names and values are those of NVIDIA's nccl.h (2.14 and later); src/test/nccl/check.cpp
// compares them with the real header wherever it is found.
#pragma once

#include <cstddef>
#include <vector>

namespace apo {
namespace cuda {
namespace nccl {

using Result = int;
using Comm = void*;

constexpr Result kSuccess = 0, kRemoteError = 6, kInProgress = 7;
constexpr int kInt8 = 0, kFloat32 = 7;
constexpr int kSum = 0;
constexpr int kOldest = 21400;  // 2.14: the first with configurations

struct UniqueId {
    char internal[128];
};

// As 2.14 knows it: later ones have more behind, which they then set themselves.
struct Config {
    size_t size = sizeof(Config);
    unsigned magic = 0xcafebeef;
    unsigned version = kOldest;
    int blocking = 0;
};

// The library's functions.
struct Functions {
    Result (*get_version)(int* version);
    const char* (*get_error_string)(Result result);
    const char* (*get_last_error)(Comm comm);
    Result (*get_unique_id)(UniqueId* id);
    Result (*comm_init_rank_config)(Comm* comm, int ranks, UniqueId id, int rank, Config* config);
    Result (*comm_get_async_error)(Comm comm, Result* result);
    Result (*comm_finalize)(Comm comm);
    Result (*comm_destroy)(Comm comm);
    Result (*comm_abort)(Comm comm);
    Result (*reduce_scatter)(const void* send, void* receive, size_t count, int type, int operation, Comm comm, void* stream);
    Result (*all_gather)(const void* send, void* receive, size_t count, int type, Comm comm, void* stream);
};

// Of the first library of these names that is found. Throws APO_E_DEVICE, with what to install, where there is none or it lacks a
// function.
Functions load(const std::vector<const char*>& names);
// Of this machine's, found at the first call; its sums are the same at every call.
const Functions& functions();

}  // namespace nccl
}  // namespace cuda
}  // namespace apo
