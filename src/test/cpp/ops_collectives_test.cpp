// Collectives of a rank that is alone; those of several are in ranks_test.cpp and cuda_ranks_test.cpp.
#include "engine/local_transport.h"
#include "op_case.h"

using namespace apo_test;

TEST(collectives_of_one_rank) {
    if (options().cuda_index >= 0 && !has_ranks(cuda_backend(), 1)) return;
    const apo::Transport alone = apo::local_transports(1)[0];
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType) {
        ops.open_group(device, alone);
        for (int64_t n : {1, 256, 1000}) {
            Numbers numbers(3);
            Array unit = numbers.array(DType::f32, size_t(n)), out = numbers.array(DType::f32, size_t(n));
            const std::vector<double> x = values(unit), y = values(out);
            ops.reduce_scatter(device, {unit.floats(), n, out.floats(), true});
            ops.await_lane(device, {apo::Lane::gradients, 0});
            for (size_t i = 0; i < size_t(n); i++) CHECK(out[i] == float(float(x[i]) + float(y[i])));
            ops.reduce_scatter(device, {unit.floats(), n, out.floats(), false});
            ops.reduce_scatter(device, {unit.floats(), n, unit.floats(), false});
            ops.await_lane(device, {apo::Lane::gradients, 0});
            for (size_t i = 0; i < size_t(n); i++) CHECK(out[i] == float(x[i]) && unit[i] == float(x[i]));
            ops.all_gather(device, {unit.data(), size_t(n) * sizeof(float)});
            ops.await_lane(device, {apo::Lane::weights, 0});
            for (size_t i = 0; i < size_t(n); i++) CHECK(unit[i] == float(x[i]));
        }
    });
    alone.close(alone.context);
}
