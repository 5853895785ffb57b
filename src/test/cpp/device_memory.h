// Arrays of the op tests: values on the host, and a copy in the device's memory, both with guards around them. They move to
// where they are asked for: data() gives the device's array, everything else reads or writes the host's.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <vector>

#include "ops.h"
#include "test.h"

namespace apo_test {

using apo::DType;

// Where the running case's arrays live: set by on_all for each backend.
struct Place {
    const apo::OpTable* ops = nullptr;
    apo::Device* device = nullptr;
};

inline Place& place() {
    static Place current;
    return current;
}

// Bytes with guards before and after them, of all ones: as f32, bf16 or f64 they are NaN, so that an op that reads them shows.
class Memory {
public:
    explicit Memory(size_t bytes) : bytes_(bytes), host_(bytes + 2 * kGuard, kSentinel) {}
    ~Memory() {
        try {
            host();
        } catch (const std::exception& e) {
            fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
        }
        if (device_ != nullptr) place().ops->release(*place().device, device_);
        for (size_t i = 0; i < kGuard; i++) {
            if (host_.empty() || (host_[i] == kSentinel && host_[host_.size() - 1 - i] == kSentinel)) continue;
            not_so(__FILE__, __LINE__, "an op wrote outside of its array");
            return;
        }
    }
    Memory(const Memory&) = delete;
    Memory(Memory&& other) noexcept
        : bytes_(other.bytes_), host_(std::move(other.host_)), device_(other.device_), on_device_(other.on_device_) {
        other.host_.clear();
        other.device_ = nullptr;
        other.on_device_ = false;
    }

    // In device memory, aligned to 128 bytes; what it holds may change from now on.
    void* device() {
        if (device_ == nullptr) device_ = place().ops->allocate(*place().device, host_.size());
        if (!on_device_) place().ops->copy_to_device(*place().device, device_, host_.data(), host_.size());
        on_device_ = true;
        return static_cast<unsigned char*>(device_) + kGuard;
    }
    const unsigned char* host() const {
        if (on_device_) place().ops->copy_to_host(*place().device, host_.data(), device_, host_.size());
        on_device_ = false;
        return host_.data() + kGuard;
    }
    unsigned char* host() { return const_cast<unsigned char*>(static_cast<const Memory*>(this)->host()); }
    size_t bytes() const { return bytes_; }

private:
    static constexpr size_t kGuard = 128;
    static constexpr unsigned char kSentinel = 0xff;
    size_t bytes_;
    mutable std::vector<unsigned char> host_;
    void* device_ = nullptr;
    mutable bool on_device_ = false;  // the device has the newer values
};

// Numbers of a plain type: indices, keys, f64 sums.
template <class T>
class Plain {
public:
    explicit Plain(size_t count) : memory_(count * sizeof(T)) {}
    Plain(std::initializer_list<T> values) : Plain(std::vector<T>(values)) {}
    Plain(const std::vector<T>& values) : Plain(values.size()) {
        if (!values.empty()) std::memcpy(memory_.host(), values.data(), memory_.bytes());
    }
    T* data() { return static_cast<T*>(memory_.device()); }
    size_t size() const { return memory_.bytes() / sizeof(T); }
    T operator[](size_t i) const {
        T value;
        std::memcpy(&value, memory_.host() + i * sizeof(T), sizeof(T));
        return value;
    }
    std::vector<T> values() const {
        std::vector<T> all(size());
        if (!all.empty()) std::memcpy(all.data(), memory_.host(), memory_.bytes());
        return all;
    }

private:
    Memory memory_;
};
using Ints = Plain<int32_t>;

inline float rounded(float x, DType dtype) {
    if (dtype == DType::f32) return x;
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    std::memcpy(&x, &bits, 4);
    return x;
}

// An array of a dtype, NaN at first: an op that reads its output, or forgets a part of it, shows.
class Array {
public:
    Array(DType dtype, size_t count) : dtype_(dtype), count_(count), memory_(count * bytes_of(dtype)) {}
    Array(Array&&) = default;

    void* data() { return memory_.device(); }
    float* floats() { return static_cast<float*>(data()); }
    size_t size() const { return count_; }

    double operator[](size_t i) const {
        const unsigned char* at = memory_.host() + i * bytes_of(dtype_);
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
        unsigned char* at = memory_.host() + i * bytes_of(dtype_);
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
    DType dtype_;
    size_t count_;
    Memory memory_;
};

}  // namespace apo_test
