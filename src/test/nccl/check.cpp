// Compiles where NVIDIA's nccl.h is found: what src/main/cuda/nccl.h declares is what the real header declares.
#include <nccl.h>

#include "../alike.h"
#include "nccl.h"

namespace {

namespace ours = apo::cuda::nccl;

static_assert(ours::kSuccess == ncclSuccess && ours::kRemoteError == ncclRemoteError && ours::kInProgress == ncclInProgress, "results");
static_assert(ours::kInt8 == ncclInt8 && ours::kFloat32 == ncclFloat32 && ours::kSum == ncclSum, "types and operations");
static_assert(sizeof(ours::UniqueId) == sizeof(ncclUniqueId), "identifier");
// A part of theirs from the front.
static_assert(sizeof(ours::Config) <= sizeof(ncclConfig_t) && offsetof(ours::Config, size) == offsetof(ncclConfig_t, size), "configuration");
static_assert(offsetof(ours::Config, magic) == offsetof(ncclConfig_t, magic) && offsetof(ours::Config, version) == offsetof(ncclConfig_t, version), "version");
static_assert(offsetof(ours::Config, blocking) == offsetof(ncclConfig_t, blocking), "blocking");
static_assert(NCCL_API_MAGIC == 0xcafebeef && ours::kOldest == NCCL_VERSION(2, 14, 0), "magic and version");

#define APO_ALIKE(name, theirs) static_assert(Alike<decltype(ours::Functions::name), decltype(&theirs)>::value, #theirs)
APO_ALIKE(get_version, ncclGetVersion);
APO_ALIKE(get_error_string, ncclGetErrorString);
APO_ALIKE(get_last_error, ncclGetLastError);
APO_ALIKE(get_unique_id, ncclGetUniqueId);
APO_ALIKE(comm_init_rank_config, ncclCommInitRankConfig);
APO_ALIKE(comm_get_async_error, ncclCommGetAsyncError);
APO_ALIKE(comm_finalize, ncclCommFinalize);
APO_ALIKE(comm_destroy, ncclCommDestroy);
APO_ALIKE(comm_abort, ncclCommAbort);
APO_ALIKE(reduce_scatter, ncclReduceScatter);
APO_ALIKE(all_gather, ncclAllGather);

}  // namespace
