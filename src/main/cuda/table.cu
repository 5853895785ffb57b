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
        t.open_recorder = open_recorder;
        t.close_recorder = close_recorder;
        t.repeat = repeat;
        t.gemm = gemm;
        t.embedding_forward = embedding_forward;
        t.embedding_backward = embedding_backward;
        t.bias_forward = bias_forward;
        t.bias_backward = bias_backward;
        t.rmsnorm_forward = rmsnorm_forward;
        t.rmsnorm_backward = rmsnorm_backward;
        t.head_norm_forward = head_norm_forward;
        t.head_norm_backward = head_norm_backward;
        t.rope = rope;
        t.attention_forward = attention_forward;
        t.attention_backward = attention_backward;
        t.kv_append = kv_append;
        t.plan_decode = plan_decode;
        t.attention_decode = attention_decode;
        t.swiglu_forward = swiglu_forward;
        t.swiglu_backward = swiglu_backward;
        t.logprob_rows = cuda_head::rows;
        t.logprob_scratch = cuda_head::scratch;
        t.logprob_forward = logprob_forward;
        t.logprob_backward = logprob_backward;
        t.value_forward = value_forward;
        t.value_backward = value_backward;
        t.gather_rows = gather_rows;
        t.scatter_add_rows = scatter_add_rows;
        t.preference_loss = preference_loss;
        t.adamw_step = adamw_step;
        t.adamw8_step = adamw8_step;
        t.squared_norm = squared_norm;
        t.sample = sample;
        t.convert = convert;
        t.add = add;
        return t;
    }();
    return table;
}

}  // namespace cuda
}  // namespace apo

// abi_version stands first in the table and is to be looked at before anything else.
extern "C" APO_API const apo::OpTable* apo_cuda_ops(void) { return &apo::cuda::ops(); }
