// Pages of the KV cache: who holds which. Pure bookkeeping, no memory of the device.
#pragma once

#include <cstdint>
#include <vector>

namespace apo {

// Reference-counted page numbers 0 .. size-1. The pages of a prompt are held once by each of its answers.
class PagePool {
public:
    explicit PagePool(int32_t size);

    int32_t size() const { return static_cast<int32_t>(holders_.size()); }
    int32_t available() const { return static_cast<int32_t>(free_.size()); }

    // A page with one holder; the lowest free number, so that runs are repeatable. There must be one available.
    int32_t acquire();
    void hold(int32_t page);
    void release(int32_t page);

private:
    std::vector<int32_t> holders_;
    std::vector<int32_t> free_;  // a heap with the lowest number on top
};

}  // namespace apo
