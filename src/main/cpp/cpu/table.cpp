#include "family.h"
#include "head_sizes.h"

#define APO_TABLE_NAME_OF(isa) cpu_ops_##isa
#define APO_TABLE_NAME(isa) APO_TABLE_NAME_OF(isa)

namespace apo {

const OpTable& APO_TABLE_NAME(APO_ISA_NAMESPACE)() {
    using namespace APO_ISA_NAMESPACE;
    static const OpTable table = [] {
        OpTable t{};
        t.abi_version = kOpsAbiVersion;
        t.bytes = sizeof(OpTable);
        t.device_count = cpu_device_count;
        t.open = cpu_open;
        t.close = cpu_close;
        t.info = cpu_info;
        t.allocate = cpu_allocate;
        t.allocate_host = cpu_allocate;
        t.release = cpu_release;
        t.release_host = cpu_release;
        t.copy_to_device = t.copy_to_host = t.copy = cpu_copy;
        t.fill_zero = cpu_fill_zero;
        t.copy_ahead = cpu_copy;
        t.await_copies = cpu_await_copies;
        t.open_recorder = cpu_open_recorder;
        t.close_recorder = cpu_close_recorder;
        t.repeat = cpu_repeat;
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
        t.swiglu_forward = swiglu_forward;
        t.swiglu_backward = swiglu_backward;
        t.logprob_rows = cpu_head::rows;
        t.logprob_scratch = cpu_head::scratch;
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
        t.kv_append = kv_append;
        t.plan_decode = plan_decode;
        t.attention_decode = attention_decode;
        t.sample = sample;
        t.convert = convert;
        t.add = add;
        return t;
    }();
    return table;
}

}  // namespace apo
