// The backend's table, and the one symbol by which the engine finds it.
#include "family.h"
#include "head_sizes.h"

namespace apo {
namespace cuda {

const OpTable& ops() {
    static const OpTable table = [] {
        OpTable t{};
        t.abi_version = kOpsAbiVersion;
        t.bytes = sizeof(OpTable);
        t.device_count = device_count;
        t.open = open;
        t.close = close;
        t.info = info;
        t.allocate = allocate;
        t.allocate_host = allocate_host;
        t.release = release;
        t.release_host = release_host;
        t.copy_to_device = copy_to_device;
        t.copy_to_host = copy_to_host;
        t.copy = copy;
        t.fill_zero = fill_zero;
        t.copy_ahead = copy_ahead;
        t.await_copies = await_copies;
        t.open_group = open_group;
        t.reduce_scatter = reduce_scatter;
        t.all_gather = all_gather;
        t.await_lane = await_lane;
        t.open_recorder = open_recorder;
        t.close_recorder = close_recorder;
        t.repeat = repeat;
        t.repeat_rows = repeat_rows;
        t.recorder_notice = recorder_notice;
#define APO_OP_ENTRY(name, Argument) t.name = name;
        APO_OPS(APO_OP_ENTRY)
#undef APO_OP_ENTRY
        t.logprob_rows = cuda_head::rows;
        t.logprob_scratch = cuda_head::scratch;
        t.quantized_rows = quantized_rows;
        t.squared_norm = squared_norm;
        return t;
    }();
    return table;
}

}  // namespace cuda
}  // namespace apo

// abi_version stands first in the table and is to be looked at before anything else.
extern "C" APO_API const apo::OpTable* apo_cuda_ops(void) { return &apo::cuda::ops(); }
