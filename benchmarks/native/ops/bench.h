// What the op benchmarks share: device memory with random numbers in it, and cases that op_bench.cpp times.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends.h"
#include "ops.h"

namespace op_bench {

using apo::DType;

// A model's shape, of which the sizes of all ops follow.
struct Sizes {
    std::string name;
    int64_t tokens, hidden, ffn, heads, kv_heads, head_dim, vocab;
    int64_t sequence;  // tokens of one sequence of attention

    int64_t width() const { return (heads + 2 * kv_heads) * head_dim; }
};

// A place to run on.
struct Target {
    const apo::OpTable& ops;
    apo::Device& device;
};

// Device memory, released with its last owner.
using Memory = std::shared_ptr<char>;
Memory zeros(const Target& target, int64_t bytes);
// Normal numbers of standard deviation `scale`, of a pattern of at most 2^22 numbers that repeats.
Memory normal(const Target& target, DType dtype, int64_t count, float scale = 1);
template <class T>
Memory upload(const Target& target, const std::vector<T>& values) {
    Memory memory = zeros(target, int64_t(values.size() * sizeof(T)));
    target.ops.copy_to_device(target.device, memory.get(), values.data(), values.size() * sizeof(T));
    return memory;
}
inline float* floats(const Memory& memory) { return reinterpret_cast<float*>(memory.get()); }
inline int32_t* ints(const Memory& memory) { return reinterpret_cast<int32_t*>(memory.get()); }
// 0, 1, .. modulo `period`, times `step`.
std::vector<int32_t> counting(int64_t count, int64_t period, int64_t step = 1);

using Launch = std::function<void()>;

// An op at a size. `bytes` are the fewest that it must move (each input read once, each output written once), `flops` the
// operations of its matrix products; the one that is not 0 gives its ceiling.
struct Case {
    std::string op, shape;
    DType dtype;
    double bytes, flops;
    bool present;                     // the backend has the op
    std::function<Launch()> prepare;  // a launch on inputs of its own
};

using Cases = std::vector<Case>;
void add_row_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype);
void add_matrix_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype);
void add_head_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype);
void add_decode_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype);

// A square product, for the measured ceiling.
Case square_product(const Target& target, int64_t n, DType dtype);
// A device-to-device copy, for the measured bandwidth.
Case large_copy(const Target& target, int64_t bytes);

// "T8192 C4096" of {"T", 8192}, {"C", 4096}.
std::string shape_text(std::initializer_list<std::pair<const char*, int64_t>> parts);

}  // namespace op_bench
