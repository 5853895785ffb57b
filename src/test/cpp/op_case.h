// What the op tests share: every op runs on each instruction set that this machine has, in f32 and bf16, on arrays with
// sentinels around them, against a naive reference in f64.
//
// Tolerances. f32: a sum of n terms of size about s errs by less than n s 2^-24 in the worst case; the cases have n <= 600
// and s about 1, and in practice errors grow with the root of n, hence 3e-5 of the scale. bf16 keeps 8 bits, so that one
// rounding of the result errs by 2^-9 of it, and inputs are rounded before both sides read them: 2^-8 of the scale.
#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "../../main/cpp/cpu/device.h"
#include "test.h"

namespace apo_test {

using apo::DType;

inline float rounded(float x, DType dtype) {
    if (dtype == DType::f32) return x;
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    std::memcpy(&x, &bits, 4);
    return x;
}

// An array of a dtype with guards before and after it.
class Array {
public:
    Array(DType dtype, size_t count) : dtype_(dtype), count_(count), memory_(count * bytes_of(dtype) + 2 * kGuard, kSentinel) {
        for (size_t i = 0; i < count; i++) set(i, NAN);  // an op that reads its output, or forgets a part of it, shows
    }
    ~Array() {
        for (size_t i = 0; i < kGuard; i++) {
            if (memory_[i] != kSentinel || memory_[memory_.size() - 1 - i] != kSentinel) {
                fail(__FILE__, __LINE__, "an op wrote outside of its array");
                return;
            }
        }
    }
    Array(const Array&) = delete;
    Array(Array&&) = default;

    void* data() { return memory_.data() + kGuard; }
    float* floats() { return static_cast<float*>(data()); }
    size_t size() const { return count_; }

    double operator[](size_t i) const {
        const unsigned char* at = memory_.data() + kGuard + i * bytes_of(dtype_);
        uint32_t bits = 0;
        if (dtype_ == DType::f32) {
            std::memcpy(&bits, at, 4);
        } else {
            uint16_t half;
            std::memcpy(&half, at, 2);
            bits = uint32_t(half) << 16;
        }
        float x;
        std::memcpy(&x, &bits, 4);
        return x;
    }
    void set(size_t i, float x) {
        unsigned char* at = memory_.data() + kGuard + i * bytes_of(dtype_);
        const float r = std::isnan(x) ? x : rounded(x, dtype_);
        uint32_t bits;
        std::memcpy(&bits, &r, 4);
        if (dtype_ == DType::f32) {
            std::memcpy(at, &bits, 4);
        } else {
            const uint16_t half = uint16_t(bits >> 16);
            std::memcpy(at, &half, 2);
        }
    }
    void fill(float x) {
        for (size_t i = 0; i < count_; i++) set(i, x);
    }

private:
    static constexpr size_t kGuard = 128;
    static constexpr unsigned char kSentinel = 0xa5;
    DType dtype_;
    size_t count_;
    std::vector<unsigned char> memory_;
};

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

// Calls body(ops, device, dtype) on each instruction set, type and on 1 and 3 threads.
template <class Body>
void on_all(Body body) {
    std::vector<const apo::OpTable*> tables{&apo::cpu_ops_v2()};
    if (&apo::cpu_ops() != tables[0]) tables.push_back(&apo::cpu_ops_v3());
    if (&apo::cpu_ops() == &apo::cpu_ops_v4()) tables.push_back(&apo::cpu_ops_v4());
    for (const apo::OpTable* ops : tables) {
        for (int threads : {1, 3}) {
            for (DType dtype : {DType::f32, DType::bf16}) {
                apo::Device device(threads);
                body(*ops, device, dtype);
            }
        }
    }
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
