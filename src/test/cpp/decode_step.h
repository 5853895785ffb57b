// A step of decoding in the op tests.
#pragma once

#include "device_memory.h"

namespace apo_test {

// A step's attention of one layer, with a plan of its own.
inline void decode(const apo::OpTable& ops, apo::Device& device, apo::AttentionDecode op) {
    Memory plan(apo::decode_plan_bytes(op.rows));
    op.plan = plan.device();
    ops.plan_decode(device, op);
    ops.attention_decode(device, op);
}

}  // namespace apo_test
