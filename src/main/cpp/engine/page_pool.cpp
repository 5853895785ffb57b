#include "page_pool.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "../ops/error.h"

namespace apo {

PagePool::PagePool(int32_t size) : holders_(static_cast<size_t>(size), 0), free_(static_cast<size_t>(size)) {
    std::iota(free_.begin(), free_.end(), 0);  // ascending numbers are a heap already
}

int32_t PagePool::acquire() {
    if (free_.empty()) fail(APO_E_INTERNAL, "KV cache: no free page of %d", size());
    std::pop_heap(free_.begin(), free_.end(), std::greater<>());
    const int32_t page = free_.back();
    free_.pop_back();
    holders_[page] = 1;
    return page;
}

void PagePool::hold(int32_t page) { ++holders_[page]; }

void PagePool::release(int32_t page) {
    if (--holders_[page] > 0) return;
    free_.push_back(page);
    std::push_heap(free_.begin(), free_.end(), std::greater<>());
}

}  // namespace apo
