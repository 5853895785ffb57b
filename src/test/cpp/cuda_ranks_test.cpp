// Ranks on emulated GPUs: how their collectives stand beside the ops, and what keeps ranks from coming together or going on.
#include "gpu_rank.h"

#include <functional>
#include <thread>

#include "nccl.h"

using namespace apo_test;

namespace {

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

}  // namespace

TEST(collectives_begin_behind_the_ops_before_them_and_run_up_to_the_await) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 3;
    const std::vector<std::string> said = on_gpus({0, 1, 2}, run_collectives);
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
    for (bool with_work : {false, true}) {
        const std::vector<std::string> said = on_gpus({0, 1, 2}, [&](Rank& r) { end_amid_collectives(r, with_work); });
        CHECK(said[1] == "its own");
        for (size_t r : {0, 2}) CHECK(one_line(said[r]) && has(said[r], "of 3: remote process exited") && has(said[r], "another rank has failed or ended"));
    }
}

TEST(a_gpu_that_is_lost_amid_collectives_is_told_by_its_own_rank) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::machine().devices = 2;
    emulation::machine().next_run = cudaErrorIllegalAddress;  // of rank 1, which alone has a kernel
    const std::vector<std::string> said = on_gpus({0, 1}, gather_behind_a_kernel);
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
