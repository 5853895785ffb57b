// A rank on an emulated GPU, and what ranks do there, on threads of this process or as several processes.
#pragma once

#include "emulated_gpu.h"

#include <stdexcept>

#include "engine/local_transport.h"
#include "test.h"

namespace apo_test {

// The op table with a rank's device and 64 numbers on it.
struct Rank {
    Rank(const apo::Transport& t, int gpu) : transport(t), ops(*cuda_backend().ops) {
        apo_engine_options options = cuda_backend().open;
        options.device_index = gpu;
        device = ops.open(options);
        x = static_cast<float*>(ops.allocate(*device, 64 * sizeof(float)));
    }
    ~Rank() {
        ops.release(*device, x);
        ops.close(device);
    }
    void give(const std::vector<float>& values, size_t at = 0) { ops.copy_to_device(*device, x + at, values.data(), values.size() * sizeof(float)); }
    std::vector<float> take(size_t count, size_t at = 0) {
        std::vector<float> values(count);
        ops.copy_to_host(*device, values.data(), x + at, count * sizeof(float));
        return values;
    }
    void join() { ops.open_group(*device, transport); }

    const apo::Transport& transport;
    const apo::OpTable& ops;
    apo::Device* device = nullptr;
    float* x = nullptr;
};

inline void must(bool so, const char* what) {
    if (!so) throw std::runtime_error(what);
}

// Two rounds and a half of both lanes: sums of what ops before them made, in place of what await_lane waits for.
inline void run_collectives(Rank& r) {
    r.join();
    const float me = float(r.transport.rank);
    for (int round = 0; round < 3; round++) {
        // Two units of three parts of two, doubled by an op just before they are summed; their sums go to 40.
        r.give(std::vector<float>(64, 1));
        for (size_t unit = 0; unit < 2; unit++) {
            r.give({1 + me, 2, 3, 4, 5, 6}, 6 * unit);
            r.ops.add(*r.device, {6, apo::DType::f32, r.x + 6 * unit, r.x + 6 * unit});
            r.ops.reduce_scatter(*r.device, {r.x + 6 * unit, 2, r.x + 40 + 2 * unit, true});
        }
        // The first unit's place is free behind an await that leaves the second on its way.
        r.ops.await_lane(*r.device, {apo::Lane::gradients, 1});
        r.ops.fill_zero(*r.device, r.x, 6 * sizeof(float));
        r.ops.await_lane(*r.device, {apo::Lane::gradients, 0});
        const std::vector<std::vector<float>> sums{{13, 13}, {19, 25}, {31, 37}};
        for (size_t unit = 0; unit < 2; unit++) must(r.take(2, 40 + 2 * unit) == sums[size_t(me)], "a sum is wrong");
        must(r.take(6) == std::vector<float>(6, 0), "a unit was written to after the await");
        // Each rank's part comes to all, on the other lane.
        r.give({me, -me}, 20 + 2 * size_t(me));
        r.ops.all_gather(*r.device, {r.x + 20, 2 * sizeof(float)});
        r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
        must(r.take(6, 20) == std::vector<float>({0, 0, 1, -1, 2, -2}), "a part is wrong");
    }
}

// Of three ranks, rank 1 ends while the others wait for it; its own work is in its stream, or not even that.
inline void end_amid_collectives(Rank& r, bool with_work) {
    r.join();
    r.give({1, 2, 3});
    if (r.transport.rank == 1) {
        if (with_work) r.ops.all_gather(*r.device, {r.x, sizeof(float)});
        throw std::runtime_error("its own");
    }
    for (int i = 0; i < 2; i++) r.ops.all_gather(*r.device, {r.x, sizeof(float)});
    r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
    r.take(3);
}

// Rank 1 alone has a kernel, with which its GPU may be lost.
inline void gather_behind_a_kernel(Rank& r) {
    r.join();
    if (r.transport.rank == 1) r.ops.add(*r.device, {16, apo::DType::f32, r.x, r.x});
    r.ops.all_gather(*r.device, {r.x, sizeof(float)});
    r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
    r.take(2);
}

inline bool one_line(const std::string& text) { return !text.empty() && text.find('\n') == std::string::npos; }

}  // namespace apo_test
