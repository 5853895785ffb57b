// An open device, the parent of all other handles.
#pragma once

#include <atomic>
#include <vector>

#include "error.h"
#include "ops.h"
#include "ranks.h"

// The handle of metaapo.h.
struct apo_engine {
    // On the backend that the options name; throws where it is missing.
    explicit apo_engine(const apo_engine_options& options);
    apo_engine(const apo::OpTable& backend, const apo_engine_options& options);
    ~apo_engine();
    apo_engine(const apo_engine&) = delete;

    const apo::OpTable& ops;
    apo::Device& device;
    std::atomic<bool> busy{false};
    int children = 0;

    // As apo_engine_join.
    void join(apo_ranks& ranks);
    // How many ranks share the work, and which of them this is: one, the first, where the engine has not joined any.
    int32_t ranks() const { return ranks_ == nullptr ? 1 : ranks_->size(); }
    int32_t rank() const { return ranks_ == nullptr ? 0 : ranks_->rank(); }
    // Each rank's x, in the order of ranks; collective.
    std::vector<double> of_ranks(double x);

private:
    apo_ranks* ranks_ = nullptr;
};

namespace apo {

// Holds the engine for one call; a second call meanwhile is refused.
class EngineCall {
public:
    explicit EngineCall(apo_engine& engine);
    ~EngineCall() { engine_.busy = false; }
    EngineCall(const EngineCall&) = delete;

private:
    apo_engine& engine_;
};

// Where a buffer lies; ops reach both.
enum class Place { device, host };

// Memory that lives as long as its owner.
class Buffer {
public:
    Buffer() = default;
    Buffer(apo_engine& engine, size_t bytes, Place place = Place::device) : engine_(&engine), bytes_(bytes), place_(place) {
        data_ = (place == Place::host ? engine.ops.allocate_host : engine.ops.allocate)(engine.device, bytes ? bytes : 1);
    }
    Buffer(Buffer&& other) noexcept : engine_(other.engine_), data_(other.data_), bytes_(other.bytes_), place_(other.place_) {
        other.data_ = nullptr;
    }
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(engine_, other.engine_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        std::swap(place_, other.place_);
        return *this;
    }
    ~Buffer() {
        if (data_ != nullptr) (place_ == Place::host ? engine_->ops.release_host : engine_->ops.release)(engine_->device, data_);
    }

    char* data() const { return static_cast<char*>(data_); }
    size_t bytes() const { return bytes_; }

private:
    apo_engine* engine_ = nullptr;
    void* data_ = nullptr;
    size_t bytes_ = 0;
    Place place_ = Place::device;
};

// Work of its owner that the device may record and replay, as Repeat says.
class Repeater {
public:
    explicit Repeater(apo_engine& engine) : engine_(engine), recorder_(*engine.ops.open_recorder(engine.device)) {}
    ~Repeater() { engine_.ops.close_recorder(engine_.device, &recorder_); }
    Repeater(const Repeater&) = delete;

    // Runs work(), or what it did for this key before.
    template <class Work>
    void run(int64_t key, Work work) {
        engine_.ops.repeat(engine_.device, recorder_, {key, [](void* context) { (*static_cast<Work*>(context))(); }, &work});
    }

    // How many rows to fill work of so many up to.
    int64_t rows(int64_t count) const { return engine_.ops.repeat_rows(engine_.device, count); }
    // As OpTable::recorder_notice.
    const char* notice() { return engine_.ops.recorder_notice(recorder_); }

private:
    apo_engine& engine_;
    Recorder& recorder_;
};

// Deals parts of one piece of memory, each aligned for vectors. Over null it only measures: the same layout function
// then tells what the allocation will be.
class Arena {
public:
    explicit Arena(char* base = nullptr) : base_(base) {}

    template <class T = char>
    T* take(int64_t count) {
        char* part = base_ == nullptr ? nullptr : base_ + used_;
        used_ += (size_t(count) * sizeof(T) + 63) / 64 * 64;
        return reinterpret_cast<T*>(part);
    }
    void* take_elements(int64_t count, DType dtype) { return take<char>(count * int64_t(bytes_of(dtype))); }
    size_t used() const { return used_; }

private:
    char* base_;
    size_t used_ = 0;
};

}  // namespace apo
