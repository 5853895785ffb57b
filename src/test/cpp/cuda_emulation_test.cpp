// The emulation finds the mistakes that it is there to find, and its matrix instructions multiply.
#include "emulated_gpu.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "async_copy.h"
#include "backends.h"
#include "mma.h"
#include "reduce.h"
#include "test.h"
#include "vector.h"

using namespace apo::cuda;
using namespace apo_test;

namespace {

__global__ void neighbours(bool barrier, float* out) {
    APO_SHARED(float, room, 64);
    room[threadIdx.x] = float(threadIdx.x);
    if (barrier) __syncthreads();
    out[threadIdx.x] = room[63 - threadIdx.x];
}

__global__ void half_at_a_barrier() {
    if (threadIdx.x < 32) __syncthreads();
}

__global__ void two_barriers() {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
}

__global__ void half_a_warp_shuffles(float* out) {
    if (threadIdx.x < 16) out[threadIdx.x] = warp_sum(1.0f);
}

__global__ void copies(bool wait, const float* x, float* y) {
    APO_SHARED(float, room, 128);
    copy_async_16(room + 4 * threadIdx.x, x + 4 * threadIdx.x, threadIdx.x != 5);
    copy_async_commit();
    if (wait) copy_async_wait<0>();
    __syncthreads();
    y[threadIdx.x] = room[127 - threadIdx.x];
}

__global__ void warps(float* out) {
    const int lane = lane_index();
    const float total = warp_sum(float(lane));
    const unsigned odd = __ballot_sync(kAllLanes, lane % 2);
    const float up = __shfl_up_sync(kAllLanes, float(lane), 1), group = group_sum<8>(float(lane));
    out[threadIdx.x] = total + (odd == 0xaaaaaaaau ? 1000.0f : 0.0f) + 10000.0f * up + 1e6f * group;
}

}  // namespace

TEST(emulation_shows_races_and_barriers_that_are_not_met) {
    if (apo_test::options().cuda_index >= 0) return;
    Gpu gpu;
    APO_LAUNCH(*gpu.device, neighbours, 1, 64, 0, true, gpu.at);
    for (int i = 0; i < 64; i++) CHECK(gpu.take()[size_t(i)] == float(63 - i));
    APO_LAUNCH(*gpu.device, neighbours, 1, 64, 0, false, gpu.at);
    gpu.take();
    CHECK(std::any_of(gpu.numbers.begin(), gpu.numbers.end(), [](float x) { return std::isnan(x); }));

    std::tuple<> none;
    auto run = [&](const char* name, void (*kernel)()) {
        return thrown([&] {
            emulation::launch(name, __FILE__, __LINE__, kernel, none, 1, 64, 0, gpu.device->stream);
            gpu.device->synchronize();
        });
    };
    const std::string half = run("half_at_a_barrier", half_at_a_barrier);
    CHECK(has(half, "half_at_a_barrier") && has(half, "32 threads wait at the barrier") && has(half, "32 threads have ended"));
    CHECK(has(run("two_barriers", two_barriers), "different barriers"));
    CHECK(has(thrown([&] {
        APO_LAUNCH(*gpu.device, half_a_warp_shuffles, 1, 32, 0, gpu.at);
        gpu.device->synchronize();
    }), "wait for lanes of their warp"));
    // The device goes on after a fault.
    APO_LAUNCH(*gpu.device, neighbours, 1, 64, 0, true, gpu.at);
    CHECK(gpu.take()[0] == 63);
}

TEST(emulation_shows_copies_that_nobody_waited_for_and_addresses_of_the_host) {
    if (apo_test::options().cuda_index >= 0) return;
    Gpu gpu(256);
    std::vector<float> values(256);
    for (size_t i = 0; i < 256; i++) values[i] = float(i);
    gpu.give(values);
    APO_LAUNCH(*gpu.device, copies, 1, 32, 0, true, gpu.at, gpu.at + 128);
    for (int i = 0; i < 32; i++) CHECK(gpu.take()[size_t(128 + i)] == float(127 - i));
    gpu.give(values);
    APO_LAUNCH(*gpu.device, copies, 1, 32, 0, false, gpu.at, gpu.at + 128);
    CHECK(std::isnan(gpu.take()[128]));
    float host[32];
    CHECK(has(thrown([&] { APO_LAUNCH(*gpu.device, half_a_warp_shuffles, 1, 32, 0, host); }), "neither device nor pinned memory"));
    CHECK(has(thrown([&] { APO_LAUNCH(*gpu.device, neighbours, 1, 40, 0, true, gpu.at), gpu.device->synchronize(); }), "whole warps"));
    APO_LAUNCH(*gpu.device, warps, 1, 64, 0, gpu.at);
    for (int i = 0; i < 64; i++) {
        const int lane = i % 32, group = lane / 8;
        CHECK(gpu.take()[size_t(i)] == 496.0f + 1000.0f + 10000.0f * float(std::max(lane - 1, 0)) + 1e6f * float(8 * 8 * group + 28));
    }
}

namespace {

// d(16,8) = a(16,16) b(16,8) from bf16 rows in shared memory: a by ldmatrix, b, stored (k, n), by its transposed form.
__global__ void product_bf16(const bf16* a, const bf16* b, float* d) {
    APO_SHARED(bf16, room, 512);
    for (int i = lane_index(); i < 256; i += kWarp) room[i] = a[i];
    for (int i = lane_index(); i < 128; i += kWarp) room[256 + i] = b[i];
    for (int i = lane_index(); i < 128; i += kWarp) room[384 + i] = from_float<bf16>(0);
    __syncthreads();
    const int lane = lane_index(), matrix = lane / 8, row = lane % 8;
    uint32_t fa[4], fb[4];
    load_matrices(fa, room + (row + matrix % 2 * 8) * 16 + matrix / 2 * 8);
    load_matrices_transposed(fb, room + 256 + (matrix * 8 + row) * 8);
    float sum[4] = {};
    mma_bf16(sum, fa, {fb[0], fb[1]});
    for (int i = 0; i < 4; i++) d[(lane / 4 + i / 2 * 8) * 8 + 2 * (lane % 4) + i % 2] = sum[i];
}

}  // namespace

TEST(emulated_matrix_instructions_multiply) {
    if (apo_test::options().cuda_index >= 0) return;
    Gpu gpu(1024);
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 1);
    std::vector<bf16> a(256), b(128);
    for (bf16& x : a) x = from_float<bf16>(normal(random));
    for (bf16& x : b) x = from_float<bf16>(normal(random));
    auto* room = reinterpret_cast<bf16*>(gpu.at + 512);
    gpu.device->staging.to_device(*gpu.device, room, a.data(), 512);
    gpu.device->staging.to_device(*gpu.device, room + 256, b.data(), 256);
    APO_LAUNCH(*gpu.device, product_bf16, 1, 32, 0, room, room + 256, gpu.at);
    gpu.take();
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 8; j++) {
            double sum = 0;
            for (int k = 0; k < 16; k++) sum += double(to_float(a[size_t(i * 16 + k)])) * to_float(b[size_t(k * 8 + j)]);
            CHECK_CLOSE(gpu.numbers[size_t(i * 8 + j)], sum, 1e-5);
        }
    }
}

namespace {

void refused(apo_status status, const char* words) {
    const apo::OpTable& ops = *cuda_backend().ops;
    try {
        apo::Device* device = ops.open(cuda_backend().open);
        ops.close(device);
        apo_test::fail(__FILE__, __LINE__, "the device opened");
    } catch (const apo::Error& e) {
        CHECK(e.status() == status);
        CHECK(has(e.what(), words));
        CHECK(has(e.what(), "--device cpu"));
    }
}

}  // namespace

TEST(a_gpu_that_cannot_serve_says_why) {
    if (apo_test::options().cuda_index >= 0) return;
    const MachineGuard guard;
    emulation::Machine& machine = emulation::machine();
    machine.devices = 0;
    refused(APO_E_DEVICE, "sees no GPU");
    machine.devices = 1, machine.driver = 0;
    refused(APO_E_DEVICE, "no NVIDIA driver");
    machine.driver = 12040;
    refused(APO_E_DEVICE, "serves CUDA 12.4 and this build needs 13.0");
    machine.driver = 13000, machine.limits.capability = 75;
    refused(APO_E_UNSUPPORTED, "compute capability 7.5");
    machine = guard.before;

    // Memory that is too small: the device goes on.
    const apo::OpTable& ops = *cuda_backend().ops;
    apo::Device* device = ops.open(cuda_backend().open);
    machine.memory = size_t(1) << 20;
    const std::string memory = thrown([&] { ops.allocate(*device, size_t(3) << 20); });
    CHECK(has(memory, "3.0 MiB asked for") && has(memory, "of 1.0 MiB free"));
    machine.memory = guard.before.memory;
    void* x = ops.allocate(*device, 64);
    machine.next_launch = cudaErrorNoKernelImageForDevice;
    CHECK(has(thrown([&] { ops.add(*device, {16, apo::DType::f32, x, x}); }), "no code for it"));
    ops.release(*device, x);
    ops.close(device);
}

TEST(scratch_is_reused_and_joins_its_chunks) {
    if (apo_test::options().cuda_index >= 0) return;
    Gpu gpu;
    void* second = nullptr;
    {
        ScratchScope outer(*gpu.device);
        outer.take<char>(100);
        {
            ScratchScope inner(*gpu.device);
            second = inner.take<char>(int64_t(6) << 20);
        }
        ScratchScope inner(*gpu.device);
        CHECK(inner.take<char>(int64_t(6) << 20) == second);
    }
    ScratchScope scope(*gpu.device);
    char* whole = scope.take<char>(100);
    CHECK(scope.take<char>(int64_t(6) << 20) == whole + 256);
}
