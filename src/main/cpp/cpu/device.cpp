#include "device.h"

#include <omp.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "error.h"
#include "matmul.h"

namespace apo {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t(2) << 20;

// A value in kB from /proc/meminfo, in bytes; 0 where it is not told.
int64_t meminfo(const char* key) {
    std::ifstream file("/proc/meminfo");
    std::string name, rest;
    for (int64_t kilobytes; file >> name >> kilobytes; std::getline(file, rest)) {
        if (name == std::string(key) + ":") return kilobytes * 1024;
    }
    return 0;
}

int usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return int(sysconf(_SC_NPROCESSORS_ONLN));
}

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(": ");
        if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "CPU";
}

void bf16_text(const CpuDevice& device, char* text, size_t size) {
    const InstructionRates& rates = device.rates;
    if (device.bf16 == Bf16Products::tiles) {
        std::snprintf(text, size, "by tile instructions (AMX)");
    } else if (rates.f32 == 0) {
        std::snprintf(text, size, "widened to f32: no instructions for bf16");
    } else {
        std::snprintf(text, size, "%s: AVX512_BF16 is %.1f times as fast as f32", device.bf16 == Bf16Products::vectors ? "in hardware" : "widened to f32",
                      rates.bf16 / rates.f32);
    }
}

void* aligned(size_t bytes) {
    const size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory == nullptr) {
        fail(APO_E_MEMORY, "out of memory: %.1f MiB asked for, %.1f MiB available; use a smaller batch, or recomputation",
             double(bytes) / (1 << 20), double(meminfo("MemAvailable")) / (1 << 20));
    }
    if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);  // a hint; failure changes nothing
    return memory;
}

}  // namespace

Scratch::~Scratch() { std::free(data_); }

void Scratch::reserve(size_t bytes) {
    if (bytes <= bytes_) return;
    void* memory = aligned(bytes);
    std::free(data_);
    data_ = memory;
    bytes_ = bytes;
}

CpuDevice::CpuDevice(int thread_count) : threads(thread_count), bf16(matmul_bf16()), private_(size_t(thread_count)) {
    if (bf16 != Bf16Products::vectors) return;
    rates = measure_instruction_rates();
    if (!worth_bf16(rates)) bf16 = Bf16Products::widened;
}

ThreadScope::ThreadScope(const Device& device) : before_(omp_get_max_threads()) { omp_set_num_threads(cpu(device).threads); }

ThreadScope::~ThreadScope() { omp_set_num_threads(before_); }

void CpuDevice::reserve_private(size_t bytes) {
    for (Scratch& scratch : private_) scratch.reserve(bytes);
}

float* CpuDevice::shared_floats(size_t count) {
    shared.reserve(count * sizeof(float));
    return static_cast<float*>(shared.data());
}

int32_t cpu_device_count() { return 1; }

Device* cpu_open(const apo_engine_options& options) {
    return new CpuDevice(options.threads > 0 ? options.threads : usable_cores());
}

void cpu_close(Device* device) { delete static_cast<CpuDevice*>(device); }

void cpu_info(Device& device, apo_device_info* info) {
    std::snprintf(info->name, sizeof info->name, "%s", processor_name().c_str());
    std::snprintf(info->isa, sizeof info->isa, "%s", cpu_isa_name());
    std::snprintf(info->gemm, sizeof info->gemm, "%s", matmul_name().c_str());
    info->threads = cpu(device).threads;
    info->bf16_native = cpu(device).bf16 != Bf16Products::widened;
    bf16_text(cpu(device), info->bf16, sizeof info->bf16);
    info->memory_total = meminfo("MemTotal");
    info->memory_free = meminfo("MemAvailable");
}

void* cpu_allocate(Device& device, size_t bytes) {
    // Linux promises more memory than there is and ends the process on the first touch: refuse before that.
    const int64_t available = meminfo("MemAvailable");
    if (available > 0 && bytes > size_t(available)) {
        fail(APO_E_MEMORY, "out of memory: %.1f MiB asked for, %.1f MiB available; use a smaller batch, or recomputation",
             double(bytes) / (1 << 20), double(available) / (1 << 20));
    }
    void* memory = aligned(bytes);
    cpu_fill_zero(device, memory, bytes);
    return memory;
}

void cpu_release(Device&, void* memory) { std::free(memory); }

void cpu_copy(Device&, void* target, const void* source, size_t bytes) { std::memcpy(target, source, bytes); }

void cpu_await_copies(Device&) {}

void cpu_fill_zero(Device&, void* target, size_t bytes) { std::memset(target, 0, bytes); }

// A call of an op costs nothing here that a recording could save.
Recorder* cpu_open_recorder(Device&) { return new Recorder; }

void cpu_close_recorder(Device&, Recorder* recorder) { delete recorder; }

int64_t cpu_repeat_rows(Device&, int64_t rows) { return rows; }

const char* cpu_recorder_notice(Recorder&) { return nullptr; }

void cpu_repeat(Device&, Recorder&, const Repeat& op) { op.work(op.context); }

}  // namespace apo
