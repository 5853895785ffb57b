// Ranks on emulated GPUs: how their collectives stand beside the ops, and what keeps ranks from coming together or going on.
#include "emulated_gpu.h"

#include <functional>
#include <stdexcept>
#include <thread>

#include "engine/local_transport.h"
#include "nccl.h"
#include "test.h"

using namespace apo_test;

namespace {

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

void must(bool so, const char* what) {
    if (!so) throw std::runtime_error(what);
}

// work(rank) on a thread for each of the ranks, whose GPUs these are; what each throws.
std::vector<std::string> on_gpus(const std::vector<int>& gpus, const std::function<void(Rank&)>& work) {
    cuda_backend();  // here, where the test ends if it is not asked for
    std::vector<apo::Transport> transports = apo::local_transports(int32_t(gpus.size()));
    std::vector<std::string> said(gpus.size());
    std::vector<std::thread> threads;
    for (size_t r = 0; r < gpus.size(); r++) {
        threads.emplace_back([&, r] {
            said[r] = thrown([&] {
                Rank rank(transports[r], gpus[r]);
                work(rank);
            });
            transports[r].close(transports[r].context);
        });
    }
    for (std::thread& thread : threads) thread.join();
    return said;
}

bool one_line(const std::string& text) { return !text.empty() && text.find('\n') == std::string::npos; }

}  // namespace

TEST(collectives_begin_behind_the_ops_before_them_and_run_up_to_the_await) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 3;
    const std::vector<std::string> said = on_gpus({0, 1, 2}, [](Rank& r) {
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
    });
    for (const std::string& text : said) CHECK(text == "");
}

TEST(ranks_that_cannot_come_together_on_gpus_all_say_why) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 3;
    const auto join = [](Rank& r) { r.join(); };
    for (const std::string& text : on_gpus({0, 2, 0}, join)) CHECK(one_line(text) && has(text, "ranks 0 and 2 are both on one GPU, cuda:0; each rank needs a GPU of its own"));
    emulation::machine().one_gpu = true;
    for (const std::string& text : on_gpus({1, 2}, join)) CHECK(one_line(text) && has(text, "ranks 0 and 1 are both on one GPU, cuda:2"));
    emulation::machine().one_gpu = false;
    for (int old : {21304, 2708}) {
        emulation::machine().nccl = old;
        for (const std::string& text : on_gpus({0, 1}, join)) CHECK(one_line(text) && has(text, old == 2708 ? "NCCL is 2.7.8; ranks on GPUs need 2.14" : "NCCL is 2.13.4; ranks on GPUs need 2.14"));
    }
    const std::string missing = thrown([] { apo::cuda::nccl::load({"libnowhere.so.2"}); });
    CHECK(one_line(missing) && has(missing, "libnccl.so.2") && has(missing, "apt: libnccl2") && has(missing, "--device cpu"));
    CHECK(has(thrown([] { apo::cuda::nccl::load({"libm.so.6"}); }), "NCCL has no ncclGetVersion"));
}

TEST(a_rank_that_ends_amid_collectives_ends_the_others_waits) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 3;
    for (int with_work : {0, 1}) {
        const std::vector<std::string> said = on_gpus({0, 1, 2}, [&](Rank& r) {
            r.join();
            r.give({1, 2, 3});
            if (r.transport.rank == 1) {
                // Its own work is in its stream, or not even that.
                if (with_work == 1) r.ops.all_gather(*r.device, {r.x, sizeof(float)});
                throw std::runtime_error("its own");
            }
            for (int i = 0; i < 2; i++) r.ops.all_gather(*r.device, {r.x, sizeof(float)});
            r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
            r.take(3);
        });
        CHECK(said[1] == "its own");
        for (size_t r : {0, 2}) CHECK(one_line(said[r]) && has(said[r], "of 3: remote process exited") && has(said[r], "another rank has failed or ended"));
    }
}

TEST(a_gpu_that_is_lost_amid_collectives_is_told_by_its_own_rank) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 2;
    emulation::machine().next_run = cudaErrorIllegalAddress;  // of rank 1, which alone has a kernel
    const std::vector<std::string> said = on_gpus({0, 1}, [](Rank& r) {
        r.join();
        if (r.transport.rank == 1) r.ops.add(*r.device, {16, apo::DType::f32, r.x, r.x});
        r.ops.all_gather(*r.device, {r.x, sizeof(float)});
        r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
        r.take(2);
    });
    CHECK(one_line(said[0]) && has(said[0], "another rank has failed or ended"));
    CHECK(one_line(said[1]) && has(said[1], "cuda:1: an illegal memory access") && has(said[1], "after kernel (add_kernel"));
    for (const std::string& text : on_gpus({0, 1}, [](Rank& r) { r.join(); })) CHECK(text == "");
}

TEST(work_that_is_recorded_has_no_collectives) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    const std::vector<std::string> said = on_gpus({0}, [](Rank& r) {
        r.join();
        apo::Recorder* recorder = r.ops.open_recorder(*r.device);
        auto gather = [](void* rank) {
            Rank& self = *static_cast<Rank*>(rank);
            self.ops.all_gather(*self.device, {self.x, sizeof(float)});
        };
        for (int i = 0; i < 2; i++) r.ops.repeat(*r.device, *recorder, {1, gather, &r});
        const char* notice = r.ops.recorder_notice(*recorder);
        must(notice != nullptr && has(notice, "collectives of ranks"), "no notice");
        r.ops.close_recorder(*r.device, recorder);
    });
    CHECK(said[0] == "");
}
