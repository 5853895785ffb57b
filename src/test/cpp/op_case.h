// What the op tests share: every op runs on each instruction set that this machine has and on the CUDA backend, in f32 and
// bf16, on arrays with guards around them, against a naive reference in f64.
//
// Tolerances. f32: a sum of n terms of size about s errs by less than n s 2^-24 in the worst case; the cases have n <= 600
// and s about 1, and in practice errors grow with the root of n, hence 3e-5 of the scale. bf16 keeps 8 bits, so that one
// rounding of the result errs by 2^-9 of it, and inputs are rounded before both sides read them: 2^-8 of the scale.
#pragma once

#include <random>
#include <vector>

#include "backends.h"
#include "device_memory.h"
#include "test.h"

namespace apo_test {

// Normal numbers from a seed.
class Numbers {
public:
    explicit Numbers(uint32_t seed) : random_(seed) {}
    Array array(DType dtype, size_t count, float scale = 1) {
        Array a(dtype, count);
        std::normal_distribution<float> normal(0, scale);
        for (size_t i = 0; i < count; i++) a.set(i, normal(random_));
        return a;
    }
    int below(int n) { return int(random_() % uint32_t(n)); }

private:
    std::mt19937 random_;
};

inline std::vector<double> values(const Array& a) {
    std::vector<double> v(a.size());
    for (size_t i = 0; i < v.size(); i++) v[i] = a[i];
    return v;
}

inline double tolerance(DType dtype, double scale = 1) { return scale * (dtype == DType::f32 ? 3e-5 : 0x1p-8); }

// Calls body(ops, device, dtype) on each backend and type; the CPU's with these numbers of threads.
template <class Body>
void on_threads(const std::vector<int>& cpu_threads, Body body) {
    for (const Backend& backend : backends(cpu_threads)) {
        for (DType dtype : {DType::f32, DType::bf16}) {
            const int before = failures();
            apo::Device& device = *backend.ops->open(backend.open);
            place() = {backend.ops, &device};
            try {
                body(*backend.ops, device, dtype);
            } catch (const std::exception& e) {
                fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
            }
            backend.ops->close(&device);
            place() = {};
            if (failures() != before) std::printf("    on %s, %s\n", backend.name.c_str(), dtype == DType::f32 ? "f32" : "bf16");
        }
    }
}

template <class Body>
void on_all(Body body) {
    on_threads({1, 3}, body);
}

// d f / d x_i by central differences, for a naive f64 function.
template <class F>
double slope(std::vector<double>& x, size_t i, F f) {
    const double h = 1e-5, old = x[i];
    x[i] = old + h;
    const double up = f();
    x[i] = old - h;
    const double down = f();
    x[i] = old;
    return (up - down) / (2 * h);
}

}  // namespace apo_test
