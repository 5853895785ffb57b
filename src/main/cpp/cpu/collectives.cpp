#include <cstring>

#include "device.h"
#include "error.h"

namespace apo {

namespace {

const Transport& group_of(Device& device) { return *cpu(device).group; }

void check(const Transport& group, const char* failure) {
    if (failure != nullptr) fail(APO_E_DEVICE, "rank %d of %d: %s", group.rank, group.size, failure);
}

}  // namespace

void cpu_open_group(Device& device, const Transport& transport) { cpu(device).group = &transport; }

// Each rank gets its part of every rank's unit and sums them itself, in the order of ranks: the same bits however the transport carries
// them.
void cpu_reduce_scatter(Device& device, const ReduceScatter& op) {
    const Transport& group = group_of(device);
    const int64_t n = op.part;
    const float* parts = cpu(device).shared_floats(size_t(group.size * n));
    check(group, group.all_to_all(group.context, op.unit, size_t(n) * sizeof(float), const_cast<float*>(parts)));
#pragma omp parallel for simd num_threads(cpu(device).threads)
    for (int64_t i = 0; i < n; i++) {
        float sum = parts[i];
        for (int32_t r = 1; r < group.size; r++) sum += parts[r * n + i];
        op.out[i] = op.accumulate ? op.out[i] + sum : sum;
    }
}

void cpu_all_gather(Device& device, const AllGather& op) {
    const Transport& group = group_of(device);
    check(group, group.all_gather(group.context, static_cast<char*>(op.unit) + size_t(group.rank) * op.bytes, op.bytes, op.unit));
}

void cpu_await_lane(Device&, const AwaitLane&) {}

}  // namespace apo
