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
        t.open_group = cpu_open_group;
        t.reduce_scatter = cpu_reduce_scatter;
        t.all_gather = cpu_all_gather;
        t.await_lane = cpu_await_lane;
        t.open_recorder = cpu_open_recorder;
        t.close_recorder = cpu_close_recorder;
        t.repeat_rows = cpu_repeat_rows;
        t.recorder_notice = cpu_recorder_notice;
        t.repeat = cpu_repeat;
#define APO_OP_ENTRY(name, Argument) t.name = name;
        APO_OPS(APO_OP_ENTRY)
#undef APO_OP_ENTRY
        t.logprob_rows = cpu_head::rows;
        t.logprob_scratch = cpu_head::scratch;
        t.quantized_rows = quantized_rows;
        t.squared_norm = squared_norm;
        return t;
    }();
    return table;
}

}  // namespace apo
