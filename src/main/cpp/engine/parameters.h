// Named tensors of one element type on a device, a model's weights or an adapter's: what is read, written and trained.
#pragma once

#include <algorithm>
#include <vector>

#include "engine.h"
#include "philox.h"
#include "tensor.h"
#include "units.h"

namespace apo {

class Parameters {
public:
    Parameters(apo_engine& owner, DType type) : engine(owner), dtype(type) {}
    virtual ~Parameters() = default;
    Parameters(const Parameters&) = delete;

    apo_engine& engine;
    const DType dtype;
    int children = 0;  // handles that are open on it
    bool has_trainer = false;

    virtual const char* kind() const = 0;  // "model" or "adapter"
    virtual const std::vector<TensorSpec>& tensors() const = 0;
    virtual const Units& units() const = 0;
    int64_t elements() const { return units().elements(); }  // of the buffer, padding included; padding is 0 and stays so
    virtual void* at(int64_t offset) const = 0;  // null for -1
    // To be called after elements [begin, begin + count) have been written where at() says.
    virtual void changed(int64_t begin, int64_t count);

    const TensorSpec& tensor(int32_t index) const;  // checks the index
    const TensorSpec* find(const std::string& name) const;  // null where there is none
    // Whether a tensor is to be written as a whole.
    virtual bool whole(int32_t) const { return false; }
    virtual void write(int32_t index, int64_t offset, int64_t count, const void* source, DType source_dtype);
    virtual void read(int32_t index, int64_t offset, int64_t count, void* target, DType target_dtype) const;

protected:
    // Writes value(i), which has to depend on i alone, to each element i of a tensor.
    template <class Value>
    void fill(int32_t index, Value value) {
        const int64_t count = tensor(index).count(), chunk = whole(index) ? count : std::min<int64_t>(1 << 20, count);
        std::vector<float> values(static_cast<size_t>(chunk));
        for (int64_t begin = 0; begin < count; begin += chunk) {
            const int64_t part = std::min(chunk, count - begin);
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < part; i++) values[size_t(i)] = value(begin + i);
            write(index, begin, part, values.data(), DType::f32);
        }
    }
};

// An open handle on parameters, for as long as it lives.
class Opened {
public:
    explicit Opened(Parameters& parent) : parent_(parent) { parent_.children++; }
    ~Opened() { parent_.children--; }
    Opened(const Opened&) = delete;

private:
    Parameters& parent_;
};

// Random words for an element of a fresh tensor; `owner` tells models (0) and adapters (1) of one seed apart.
inline Philox4 initial_words(uint64_t seed, int64_t element, int32_t tensor, uint32_t owner) {
    return random_words(seed, Stream::initialize, uint64_t(element), uint32_t(tensor), owner);
}

// A number of N(0, deviation²) from such words (Box-Muller).
float normal_of(const Philox4& words, double deviation);

}  // namespace apo
