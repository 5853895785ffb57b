// The ranks of a run, over a transport.
#pragma once

#include "error.h"
#include "transport.h"

// The handle of metaapo.h.
struct apo_ranks {
    explicit apo_ranks(const apo::Transport& transport) : transport_(transport) {}
    ~apo_ranks() { transport_.close(transport_.context); }
    apo_ranks(const apo_ranks&) = delete;

    int32_t rank() const { return transport_.rank; }
    int32_t size() const { return transport_.size; }
    const apo::Transport& transport() const { return transport_; }
    int engines = 0;  // that have joined

    // As Transport's; throw APO_E_DEVICE where the transport fails.
    void barrier() { check(transport_.barrier(transport_.context)); }
    void gather(const void* send, size_t bytes, void* receive) { check(transport_.all_gather(transport_.context, send, bytes, receive)); }
    void broadcast(void* data, size_t bytes, int32_t root) { check(transport_.broadcast(transport_.context, data, bytes, root)); }
    void limit(double seconds) { transport_.limit(transport_.context, seconds); }
    void abort(int32_t status) { transport_.abort(transport_.context, status); }

private:
    void check(const char* failure) const {
        if (failure != nullptr) apo::fail(APO_E_DEVICE, "rank %d of %d: %s", rank(), size(), failure);
    }

    apo::Transport transport_;
};
