// Work shared among a device's threads, in fixed parts: thread t always gets the same range.
#pragma once

#include <omp.h>

#include <cstdint>
#include <exception>

#include "device.h"
#include "simd.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

// Carries the first exception out of a parallel region, which none may leave by itself.
class Caught {
public:
    template <class Work>
    void run(Work work) noexcept {
        try {
            work();
        } catch (...) {
#pragma omp critical(apo_caught)
            if (!first_) first_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (first_) std::rethrow_exception(first_);
    }

private:
    std::exception_ptr first_;
};

// body(begin, end) over [0, n), at least `grain` items to a thread.
template <class Body>
void parallel_ranges(Device& device, int64_t n, int64_t grain, Body body) {
    int64_t parts = (n + grain - 1) / grain;
    if (parts > cpu(device).threads) parts = cpu(device).threads;
    if (parts <= 1) {
        if (n > 0) body(int64_t(0), n);
        return;
    }
    Caught caught;
#pragma omp parallel num_threads(int(parts))
    {
        // The runtime may grant fewer threads than asked for.
        for (int64_t part = omp_get_thread_num(); part < parts; part += omp_get_num_threads()) {
            caught.run([&] { body(n * part / parts, n * (part + 1) / parts); });
        }
    }
    caught.rethrow();
}

// body(i) for each i in [0, n); which thread takes an item is open, so that items must be independent.
template <class Body>
void parallel_items(Device& device, int64_t n, Body body) {
    if (n == 1 || cpu(device).threads == 1) {
        for (int64_t i = 0; i < n; i++) body(i);
        return;
    }
    Caught caught;
#pragma omp parallel for num_threads(cpu(device).threads) schedule(dynamic, 1)
    for (int64_t i = 0; i < n; i++) caught.run([&] { body(i); });
    caught.rethrow();
}

// Calls body with a value of the element type: f32 or bf16.
template <class Body>
void with_type(DType dtype, Body body) {
    if (dtype == DType::f32) {
        body(float{});
    } else {
        body(bf16{});
    }
}

// body(j) for whole vectors of [0, n), tail(j, count) for the rest.
template <class Body, class Tail>
inline void for_vectors(int64_t n, Body body, Tail tail) {
    int64_t j = 0;
    for (; j + kLanes <= n; j += kLanes) body(j);
    if (j < n) tail(j, int(n - j));
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
