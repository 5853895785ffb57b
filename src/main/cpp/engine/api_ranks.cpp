// metaapo.h: ranks.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "boundary.h"
#include "engine.h"
#include "local_transport.h"
#include "mpi_loader.h"
#include "ranks.h"

using namespace apo;

apo_status apo_ranks_open_local(int32_t size, apo_ranks** all, apo_error* error) {
    return guarded(error, [&] {
        if (size < 1 || size > 1024) fail(APO_E_ARGUMENT, "size is %d; expected 1 to 1024", size);
        required(all, "all");
        const std::vector<Transport> transports = local_transports(size);
        for (int32_t rank = 0; rank < size; rank++) all[rank] = new apo_ranks(transports[size_t(rank)]);
    });
}

apo_status apo_mpi_name(char name[128], apo_error* error) {
    return guarded(error, [&] {
        required(name, "name");
        std::snprintf(name, sizeof Transport::name, "%s", mpi_name().c_str());
    });
}

apo_status apo_ranks_open_mpi(int32_t size, int32_t control, apo_ranks** ranks, apo_error* error) {
    return guarded(error, [&] {
        if (size < 1) fail(APO_E_ARGUMENT, "size is %d; expected 1 or more", size);
        required(ranks, "ranks") = new apo_ranks(open_mpi(size, control != 0));
    });
}

apo_status apo_ranks_info_of(apo_ranks* ranks, apo_ranks_info* info, apo_error* error) {
    return guarded(error, [&] {
        const Transport& t = required(ranks, "ranks").transport();
        apo_ranks_info out{};
        out.rank = t.rank, out.size = t.size, out.local_rank = t.local_rank, out.local_size = t.local_size;
        std::memcpy(out.transport, t.name, sizeof out.transport);
        required(info, "info") = out;
    });
}

apo_status apo_ranks_barrier(apo_ranks* ranks, apo_error* error) {
    return guarded(error, [&] { required(ranks, "ranks").barrier(); });
}

apo_status apo_ranks_gather(apo_ranks* ranks, const void* send, int64_t bytes, void* receive, apo_error* error) {
    return guarded(error, [&] {
        required(ranks, "ranks");
        if (bytes < 0) fail(APO_E_ARGUMENT, "bytes is %lld; expected 0 or more", (long long)bytes);
        if (bytes == 0) return ranks->barrier();
        required(send, "send");
        required(receive, "receive");
        ranks->gather(send, size_t(bytes), receive);
    });
}

apo_status apo_ranks_broadcast(apo_ranks* ranks, void* data, int64_t bytes, int32_t root, apo_error* error) {
    return guarded(error, [&] {
        required(ranks, "ranks");
        if (bytes < 0) fail(APO_E_ARGUMENT, "bytes is %lld; expected 0 or more", (long long)bytes);
        if (root < 0 || root >= ranks->size()) fail(APO_E_ARGUMENT, "root is %d; expected 0 to %d", root, ranks->size() - 1);
        if (bytes == 0) return ranks->barrier();
        required(data, "data");
        ranks->broadcast(data, size_t(bytes), root);
    });
}

apo_status apo_ranks_limit(apo_ranks* ranks, double seconds, apo_error* error) {
    return guarded(error, [&] {
        if (!(seconds >= 0) || !std::isfinite(seconds)) fail(APO_E_ARGUMENT, "seconds is %g; expected a number, 0 or more", seconds);
        required(ranks, "ranks").limit(seconds);
    });
}

void apo_ranks_abort(apo_ranks* ranks, int32_t status) {
    if (ranks != nullptr) ranks->abort(status);
}

apo_status apo_ranks_close(apo_ranks* ranks, apo_error* error) {
    return guarded(error, [&] {
        if (ranks == nullptr) return;
        if (ranks->engines > 0) fail(APO_E_STATE, "%d engines have joined the ranks; close them first", ranks->engines);
        delete ranks;
    });
}

apo_status apo_engine_join(apo_engine* engine, apo_ranks* ranks, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(engine, "engine"));
        engine->join(required(ranks, "ranks"));
    });
}
