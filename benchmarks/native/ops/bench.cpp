#include "bench.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace op_bench {

Memory zeros(const Target& target, int64_t bytes) {
    auto* data = static_cast<char*>(target.ops.allocate(target.device, size_t(std::max<int64_t>(bytes, 1))));
    return {data, [target](char* p) { target.ops.release(target.device, p); }};
}

Memory normal(const Target& target, DType dtype, int64_t count, float scale) {
    const int64_t pattern = std::min<int64_t>(count, int64_t(1) << 22), size = int64_t(bytes_of(dtype));
    std::mt19937 random(uint32_t(count) + 1);
    std::normal_distribution<float> draw(0, scale);
    std::vector<char> host(size_t(pattern * size));
    for (int64_t i = 0; i < pattern; i++) {
        const float x = draw(random);
        // Little-endian: a bf16 is the upper half of the f32.
        std::memcpy(host.data() + i * size, reinterpret_cast<const char*>(&x) + (4 - size), size_t(size));
    }
    Memory memory = zeros(target, count * size);
    target.ops.copy_to_device(target.device, memory.get(), host.data(), host.size());
    for (int64_t done = pattern; done < count; done *= 2) {
        target.ops.copy(target.device, memory.get() + done * size, memory.get(), size_t(std::min(done, count - done) * size));
    }
    return memory;
}

std::vector<int32_t> counting(int64_t count, int64_t period, int64_t step) {
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) values[size_t(i)] = int32_t(i * step % period);
    return values;
}

std::string shape_text(std::initializer_list<std::pair<const char*, int64_t>> parts) {
    std::string text;
    for (const auto& [name, value] : parts) text += (text.empty() ? "" : " ") + std::string(name) + std::to_string(value);
    return text;
}

}  // namespace op_bench
