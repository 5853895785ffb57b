// What carries bytes between ranks: threads of this process, and processes of mpirun, which run this file again.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>

#include "engine/local_transport.h"
#include "engine/mpi_loader.h"
#include "engine/own_folder.h"
#include "error.h"
#include "mpi/plugin.h"
#include "mpirun.h"
#include "test.h"

using apo::Transport;
using namespace apo_test;

namespace {

// MPI's pieces, so that the cases below are of several.
constexpr size_t kMostBytes = 1000;

// Byte i of what rank `from` has for rank `to`.
char byte_of(int32_t from, int32_t to, size_t i) { return char(from * 31 + to * 7 + int(i % 251)); }

std::string said(const char* failure) { return failure == nullptr ? "" : failure; }

// What is wrong with a rank's part of every call, or an empty text. CHECK counts failures of one thread alone.
std::string cases(const Transport& t) {
    if (t.rank < 0 || t.rank >= t.size || t.local_rank < 0 || t.local_rank >= t.local_size || t.name[0] == '\0') return "wrong rank, size or name";
    for (const size_t bytes : {size_t(1), size_t(8), size_t(499), size_t(2500), size_t(100003)}) {
        const std::string of = " of " + std::to_string(bytes) + " bytes";
        std::vector<char> all(size_t(t.size) * bytes), mine(size_t(t.size) * bytes);
        for (int32_t r = 0; r < t.size; r++) {
            for (size_t i = 0; i < bytes; i++) mine[size_t(r) * bytes + i] = byte_of(t.rank, r, i);
        }
        const auto wrong = [&](auto expected) {
            for (int32_t r = 0; r < t.size; r++) {
                for (size_t i = 0; i < bytes; i++) {
                    if (all[size_t(r) * bytes + i] != expected(r, i)) return true;
                }
            }
            return false;
        };
        const auto gathered = [&](int32_t r, size_t i) { return byte_of(r, 0, i); };
        if (const std::string failed = said(t.all_gather(t.context, mine.data(), bytes, all.data())); !failed.empty()) return failed;
        if (wrong(gathered)) return "gather" + of;
        std::fill(all.begin(), all.end(), 0);
        std::memcpy(all.data() + size_t(t.rank) * bytes, mine.data(), bytes);
        if (const std::string failed = said(t.all_gather(t.context, all.data() + size_t(t.rank) * bytes, bytes, all.data())); !failed.empty()) return failed;
        if (wrong(gathered)) return "gather in place" + of;
        if (const std::string failed = said(t.all_to_all(t.context, mine.data(), bytes, all.data())); !failed.empty()) return failed;
        if (wrong([&](int32_t r, size_t i) { return byte_of(r, t.rank, i); })) return "exchange" + of;
        for (int32_t root = 0; root < t.size; root++) {
            std::vector<char> data(bytes);
            for (size_t i = 0; i < bytes; i++) data[i] = t.rank == root ? byte_of(root, root, i) : 0;
            if (const std::string failed = said(t.broadcast(t.context, data.data(), bytes, root)); !failed.empty()) return failed;
            for (size_t i = 0; i < bytes; i++) {
                if (data[i] != byte_of(root, root, i)) return "broadcast" + of;
            }
        }
    }
    return said(t.barrier(t.context));
}

}  // namespace

TEST(transport_of_threads) {
    for (const int32_t size : {1, 2, 3, 5}) {
        const std::vector<Transport> transports = apo::local_transports(size);
        std::vector<std::string> wrong(static_cast<size_t>(size));
        std::vector<std::thread> threads;
        for (int32_t r = 0; r < size; r++) threads.emplace_back([&, r] { wrong[size_t(r)] = cases(transports[size_t(r)]); });
        for (std::thread& thread : threads) thread.join();
        for (const std::string& text : wrong) {
            if (!text.empty()) apo_test::fail(__FILE__, __LINE__, text);
        }
        for (const Transport& t : transports) t.close(t.context);
    }
}

TEST(transport_of_processes) {
    if (launched() == 0) {
        if (const std::string why = no_mpi(); !why.empty()) return skipped("transport_of_processes", why);
        for (const int ranks : {1, 2, 3}) CHECK(under_mpirun(ranks, "transport_of_processes") == 0);
        return;
    }
    const Transport t = apo::open_mpi(launched(), false, kMostBytes);
    CHECK(t.size == launched() && t.local_size == launched());
    const std::string wrong = cases(t);
    if (!wrong.empty()) apo_test::fail(__FILE__, __LINE__, wrong);
    // Ranks that are not at the same call are told so, and can go on.
    if (t.size > 1) {
        char data[16] = {};
        const std::string at_other = said(t.rank == 0 ? t.barrier(t.context) : t.broadcast(t.context, data, 3, 0));
        CHECK(at_other.find("not at the same call") != std::string::npos);
        std::vector<char> all(16 * size_t(t.size));
        CHECK(said(t.all_gather(t.context, data, t.rank == 0 ? 8 : 16, all.data())).find("others have other sizes") != std::string::npos);
        CHECK(said(t.barrier(t.context)).empty());
    }
    // It is possible once in a process.
    std::string again;
    try {
        apo::open_mpi(launched(), false);
    } catch (const apo::Error& e) {
        again = e.what();
    }
    CHECK(again.find("already") != std::string::npos);
    t.close(t.context);
}

// Ranks that wait for one leave their cores to others.
TEST(transport_waits_politely) {
    if (launched() == 0) {
        if (const std::string why = no_mpi(); !why.empty()) return skipped("transport_waits_politely", why);
        CHECK(under_mpirun(2, "transport_waits_politely") == 0);
        return;
    }
    const Transport t = apo::open_mpi(launched(), true);
    t.barrier(t.context);
    const std::clock_t begun = std::clock();
    if (t.rank == 0) std::this_thread::sleep_for(std::chrono::seconds(2));
    CHECK(said(t.barrier(t.context)).empty());
    const double busy = double(std::clock() - begun) / CLOCKS_PER_SEC;
    if (busy > 0.05 * 2) apo_test::fail(__FILE__, __LINE__, "busy for " + std::to_string(busy) + " of 2 s");
    t.close(t.context);
}

// A rank that aborts ends the others, which wait for it.
TEST(transport_abort_of_processes) {
    if (launched() == 0) {
        if (const std::string why = no_mpi(); !why.empty()) return skipped("transport_abort_of_processes", why);
        CHECK(under_mpirun(3, "transport_abort_of_processes") == 3);
        return;
    }
    const Transport t = apo::open_mpi(launched(), true);
    if (t.rank == 1) t.abort(t.context, 3);
    t.barrier(t.context);
    CHECK(!"a rank went on without the one that aborted");
}

// What MPI finds is compared with what the launcher says: a process that another launcher has started would be alone with itself.
TEST(transport_of_another_launcher) {
    if (launched() == 0) {
        if (const std::string why = no_mpi(); !why.empty()) return skipped("transport_of_another_launcher", why);
        CHECK(under_mpirun(1, "transport_of_another_launcher") == 0);
        return;
    }
    std::string refused;
    try {
        apo::open_mpi(launched() + 1, true);
    } catch (const apo::Error& e) {
        refused = e.what();
    }
    CHECK(refused.find("has started 2 processes, and Open MPI") != std::string::npos && refused.find("finds 1") != std::string::npos);
}

// A plugin and an engine of two builds: neither reads the other's table.
TEST(transport_of_another_version) {
    if (const std::string why = no_mpi(); !why.empty()) return skipped("transport_of_another_version", why);
    void* library = dlopen(apo::beside_engine("libmetaapo_mpi.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto open = reinterpret_cast<decltype(&apo_mpi_plugin_open)>(dlsym(library, "apo_mpi_plugin_open"));
    Transport t{};
    CHECK(said(open(apo::kTransportAbiVersion + 1, sizeof t, 1, &t)).find("build both libraries together") != std::string::npos);
    CHECK(said(open(apo::kTransportAbiVersion, sizeof t - 8, 1, &t)).find("build both libraries together") != std::string::npos);
}
