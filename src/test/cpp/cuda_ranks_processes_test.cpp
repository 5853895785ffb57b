// Ranks on emulated GPUs as processes of mpirun, which run this file again: MPI brings them together, and the emulated NCCL carries what
// they compute.
#include "gpu_rank.h"

#include <chrono>
#include <thread>

#include "mpirun.h"
#include "ranks_course.h"

using namespace apo_test;

namespace {

// The test of this name as so many processes, on emulated GPUs alone.
void as_processes(int ranks, const std::string& test) {
    cuda_backend();  // here, where the test ends if it is not asked for
    if (const std::string why = no_mpi(); !why.empty()) return skipped(test.c_str(), why);
    CHECK(under_mpirun(ranks, (test + " --backends cuda").c_str()) == 0);
}

// What a rank's part of the work throws.
template <class Work>
std::string of_rank(const apo::Transport& t, int gpu, Work work) {
    return thrown([&] {
        Rank rank(t, gpu);
        work(rank);
    });
}

}  // namespace

TEST(processes_on_gpus_have_the_collectives_of_threads) {
    if (options().cuda_index >= 0) return;
    if (launched() == 0) return as_processes(3, "processes_on_gpus_have_the_collectives_of_threads");
    const MachineGuard guard;
    emulation::machine().devices = 3;
    const apo::Transport t = apo::open_mpi(launched(), true);
    const auto now = [&](auto work) { return of_rank(t, t.rank, work); };
    CHECK(now(run_collectives) == "");
    emulation::machine().one_gpu = true;
    CHECK(has(now([](Rank& r) { r.join(); }), "are both on one GPU"));
    emulation::machine().one_gpu = false;
    for (bool with_work : {false, true}) {
        const std::string text = now([&](Rank& r) { end_amid_collectives(r, with_work); });
        CHECK(t.rank == 1 ? text == "its own" : one_line(text) && has(text, "another rank has failed or ended"));
    }
    if (t.rank == 1) emulation::machine().next_run = cudaErrorIllegalAddress;
    const std::string lost = now(gather_behind_a_kernel);
    CHECK(one_line(lost) && has(lost, t.rank == 1 ? "an illegal memory access" : "another rank has failed or ended"));
    CHECK(now(run_collectives) == "");

    // Rank 1 hangs; of those that wait for it on their GPUs, one says so.
    const std::string late = now([&](Rank& r) {
        r.join();
        t.barrier(t.context);  // joining takes its time, which is none of the wait
        t.limit(t.context, 1);
        if (t.rank == 1) std::this_thread::sleep_for(std::chrono::seconds(6));
        r.ops.all_gather(*r.device, {r.x, sizeof(float)});
        r.ops.await_lane(*r.device, {apo::Lane::weights, 0});
        r.take(1);
    });
    t.limit(t.context, 0);
    const char told = late.find("waited for") != std::string::npos;
    std::vector<char> all(size_t(t.size));
    CHECK(t.all_gather(t.context, &told, 1, all.data()) == nullptr);
    CHECK(all[0] + all[2] == 1 && all[1] == 0);
    CHECK(told == 1 ? one_line(late) && has(late, "for rank 1, at collectives of GPUs") : has(late, "another rank has failed or ended"));
    CHECK(now(run_collectives) == "");
    t.close(t.context);
}

TEST(training_of_processes_on_gpus_is_that_of_one_rank) {
    if (options().cuda_index >= 0) return;
    if (launched() == 0) return as_processes(2, "training_of_processes_on_gpus_is_that_of_one_rank");
    const Machine machine;
    const Backend gpu = cuda_backend();
    apo_ranks ranks(apo::open_mpi(launched(), true));
    for (const Setup& setup : setups_on(gpu)) {
        const Trained one = train_on(gpu, 1, setup);
        for (int32_t shard : {APO_SHARD_NONE, APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
            Setup shared = setup;
            shared.shard = shard;
            Trained many;
            CHECK(thrown([&] { train(gpu, &ranks, shared, shard != APO_SHARD_NONE, many); }) == "");
            const bool rounded = setup.dtype == APO_BF16;
            CHECK_CLOSE(many.norms[0], one.norms[0], (rounded ? 1e-3 : 1e-6) * one.norms[0]);
            CHECK_CLOSE(apart(one.weights, many.weights), 0, rounded ? 1e-2 : 2e-6);
            if (!one.moments.empty()) CHECK_CLOSE(apart(one.moments, many.moments), 0, rounded ? 1e-2 : 2e-6);
        }
    }
}
