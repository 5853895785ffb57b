// The CPU as a device: its threads and their scratch memory.
#pragma once

#include <cstddef>
#include <vector>

#include "instruction_rates.h"
#include "ops.h"

namespace apo {

// Memory aligned for vectors, grown on demand.
class Scratch {
public:
    Scratch() = default;
    Scratch(Scratch&& other) noexcept : data_(other.data_), bytes_(other.bytes_) { other.data_ = nullptr, other.bytes_ = 0; }
    Scratch(const Scratch&) = delete;
    ~Scratch();

    void reserve(size_t bytes);
    void* data() const { return data_; }

private:
    void* data_ = nullptr;
    size_t bytes_ = 0;
};

// How products of two bf16 matrices are made: by tile instructions (AMX), by vector instructions (AVX512_BF16), or widened to f32,
// which is faster on some processors that have the latter.
enum class Bf16Products { widened, vectors, tiles };

struct CpuDevice final : Device {
    explicit CpuDevice(int thread_count);

    int threads;
    InstructionRates rates{};      // where they decided about bf16
    Bf16Products bf16;
    Scratch shared;                // for an op's calling thread
    const Transport* group = nullptr;
    Scratch weights;               // values of packed weights, for an op that has others multiply them
    std::vector<Scratch> private_; // one a thread

    // Scratch of at least `bytes` for each thread. Call it outside of parallel regions, where a failure may throw.
    void reserve_private(size_t bytes);
    float* private_floats(int thread) { return static_cast<float*>(private_[size_t(thread)].data()); }
    float* shared_floats(size_t count);
};

inline CpuDevice& cpu(Device& device) { return static_cast<CpuDevice&>(device); }
inline const CpuDevice& cpu(const Device& device) { return static_cast<const CpuDevice&>(device); }

// The CPU backend's functions that do not depend on the instruction set.
int32_t cpu_device_count();
Device* cpu_open(const apo_engine_options& options);
void cpu_close(Device* device);
void cpu_info(Device& device, apo_device_info* info);
void* cpu_allocate(Device& device, size_t bytes);
void cpu_release(Device& device, void* memory);
void cpu_await_copies(Device& device);
void cpu_open_group(Device& device, const Transport& transport);
void cpu_reduce_scatter(Device& device, const ReduceScatter& op);
void cpu_all_gather(Device& device, const AllGather& op);
void cpu_await_lane(Device& device, const AwaitLane& op);
void cpu_copy(Device& device, void* target, const void* source, size_t bytes);
void cpu_fill_zero(Device& device, void* target, size_t bytes);
Recorder* cpu_open_recorder(Device& device);
void cpu_close_recorder(Device& device, Recorder* recorder);
int64_t cpu_repeat_rows(Device& device, int64_t rows);
const char* cpu_recorder_notice(Recorder& recorder);
void cpu_repeat(Device& device, Recorder& recorder, const Repeat& op);

// The instruction sets that the library was compiled for, best last.
const OpTable& cpu_ops_v2();
const OpTable& cpu_ops_v3();
const OpTable& cpu_ops_v4();
const char* cpu_isa_name();

}  // namespace apo
