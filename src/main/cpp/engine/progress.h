// A running call's link to its caller.
#pragma once

#include "error.h"

namespace apo {

class Progress {
public:
    explicit Progress(apo_progress* shared) : shared_(shared) {}

    void expect(int64_t total) {
        if (shared_ != nullptr) __atomic_store_n(&shared_->total, total, __ATOMIC_RELAXED);
    }
    void add(int64_t done) {
        if (shared_ != nullptr) __atomic_add_fetch(&shared_->done, done, __ATOMIC_RELAXED);
    }
    // Ends the call if the caller asked for that.
    void check() const {
        if (shared_ != nullptr && __atomic_load_n(&shared_->cancel, __ATOMIC_RELAXED) != 0) fail(APO_E_CANCELLED, "cancelled");
    }

private:
    apo_progress* shared_;
};

}  // namespace apo
