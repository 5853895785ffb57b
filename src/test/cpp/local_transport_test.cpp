// The transport of threads: what each call carries, and what a rank that fails or goes astray does to the others.
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <time.h>

#include "engine/local_transport.h"
#include "test.h"

namespace {

// CHECK counts failures of one thread alone; so ranks return what is wrong.
using Work = std::function<std::string(const apo::Transport&)>;

// The work of each rank on a thread of its own; the transports are closed when all have ended, or by a rank itself.
std::vector<std::string> on_threads(int32_t size, const Work& work, bool close_after = true) {
    const std::vector<apo::Transport> transports = apo::local_transports(size);
    std::vector<std::string> said(static_cast<size_t>(size));
    std::vector<std::thread> threads;
    for (int32_t r = 0; r < size; r++) {
        threads.emplace_back([&, r] { said[size_t(r)] = work(transports[size_t(r)]); });
    }
    for (std::thread& thread : threads) thread.join();
    if (close_after) {
        for (const apo::Transport& t : transports) t.close(t.context);
    }
    return said;
}

std::string text(const char* failure) { return failure == nullptr ? "" : failure; }

// A byte of what rank `from` sends to rank `to`.
char byte_of(int32_t from, int32_t to, size_t i) { return char(31 * from + 7 * to + int(i % 251)); }

std::string carries(const apo::Transport& t, size_t bytes) {
    const size_t size = size_t(t.size);
    std::vector<char> own(bytes), all(size * bytes + 1, 'x'), each(size * bytes), from_each(size * bytes + 1, 'x');
    for (size_t i = 0; i < bytes; i++) own[i] = byte_of(t.rank, 0, i);
    for (size_t r = 0; r < size; r++) {
        for (size_t i = 0; i < bytes; i++) each[r * bytes + i] = byte_of(t.rank, int32_t(r), i);
    }
    for (bool in_place : {false, true}) {
        if (in_place) {
            std::memset(all.data(), 0, size * bytes);
            std::memcpy(all.data() + size_t(t.rank) * bytes, own.data(), bytes);
        }
        if (const char* failed = t.all_gather(t.context, in_place ? all.data() + size_t(t.rank) * bytes : own.data(), bytes, all.data())) return failed;
        for (size_t r = 0; r < size; r++) {
            for (size_t i = 0; i < bytes; i++) {
                if (all[r * bytes + i] != byte_of(int32_t(r), 0, i)) return "a wrong byte was gathered";
            }
        }
    }
    if (const char* failed = t.all_to_all(t.context, each.data(), bytes, from_each.data())) return failed;
    for (size_t r = 0; r < size; r++) {
        for (size_t i = 0; i < bytes; i++) {
            if (from_each[r * bytes + i] != byte_of(int32_t(r), t.rank, i)) return "a wrong byte was exchanged";
        }
    }
    for (int32_t root = 0; root < t.size; root++) {
        std::vector<char> data(bytes);
        for (size_t i = 0; i < bytes; i++) data[i] = byte_of(t.rank, 3, i);
        if (const char* failed = t.broadcast(t.context, data.data(), bytes, root)) return failed;
        for (size_t i = 0; i < bytes; i++) {
            if (data[i] != byte_of(root, 3, i)) return "a wrong byte was broadcast";
        }
    }
    return all.back() == 'x' && from_each.back() == 'x' ? text(t.barrier(t.context)) : "a byte was written behind the end";
}

double cpu_seconds_of_thread() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

TEST(transport_carries_every_byte_to_its_place) {
    for (int32_t size : {1, 2, 3, 8}) {
        for (size_t bytes : {size_t(1), size_t(3), size_t(4096), size_t(100003)}) {
            for (const std::string& said : on_threads(size, [&](const apo::Transport& t) { return carries(t, bytes); })) CHECK(said.empty());
        }
    }
}

TEST(transport_says_who_and_where_a_rank_is) {
    const std::vector<apo::Transport> all = apo::local_transports(3);
    for (int32_t r = 0; r < 3; r++) {
        CHECK(all[size_t(r)].rank == r && all[size_t(r)].size == 3 && all[size_t(r)].local_rank == r && all[size_t(r)].local_size == 3);
        CHECK(all[size_t(r)].abi_version == apo::kTransportAbiVersion && all[size_t(r)].bytes == int32_t(sizeof(apo::Transport)));
        CHECK(std::strlen(all[size_t(r)].name) > 0);
    }
    for (const apo::Transport& t : all) t.close(t.context);
}

// Where ranks are at different calls, or at one call with different sizes, none of them reads beyond what another has.
TEST(ranks_at_different_calls_all_fail) {
    for (int astray = 0; astray < 2; astray++) {
        for (const std::string& said : on_threads(3, [&](const apo::Transport& t) {
                 const bool other = t.rank == 1;
                 std::vector<char> own(other && astray == 0 ? 8 : 16), all(3 * 16);
                 if (other && astray == 1) return text(t.broadcast(t.context, own.data(), own.size(), 0));
                 return text(t.all_gather(t.context, own.data(), own.size(), all.data()));
             })) {
            CHECK(said.find("is at another call, or at one of another size") != std::string::npos);
        }
    }
}

// However a rank ends, and whenever: the others fail and none reads memory that is gone (seen by AddressSanitizer).
TEST(a_rank_that_ends_at_any_moment_takes_no_memory_from_the_others) {
    for (int moment = 0; moment < 60; moment++) {
        std::atomic<int> failed{0};
        on_threads(
            4,
            [&](const apo::Transport& t) {
                for (int round = 0;; round++) {
                    const std::unique_ptr<char[]> own(new char[50000]());
                    std::vector<char> all(4 * 50000);
                    if (t.rank == 1 && round == moment / 3) {
                        if (moment % 3 == 0) t.abort(t.context, 1);
                        t.close(t.context);
                        return std::string();
                    }
                    if (t.all_gather(t.context, own.get(), 50000, all.data()) != nullptr) {
                        failed++;
                        t.close(t.context);
                        return std::string();
                    }
                }
            },
            false);
        CHECK(failed == 3);
    }
}

// As of a watch that ends a run: another thread than the rank's own, in the midst of a call.
TEST(an_abort_in_the_midst_of_a_call_takes_no_memory_from_the_others) {
    for (int moment = 0; moment < 20; moment++) {
        const std::vector<apo::Transport> transports = apo::local_transports(4);
        std::atomic<int> failed{0};
        std::vector<std::thread> threads;
        for (const apo::Transport& t : transports) {
            threads.emplace_back([&failed, t] {
                for (;;) {
                    // Freed as soon as the call returns.
                    const std::unique_ptr<char[]> own(new char[200000]());
                    const std::unique_ptr<char[]> all(new char[4 * 200000]);
                    if (t.all_gather(t.context, own.get(), 200000, all.get()) != nullptr) break;
                }
                failed++;
            });
        }
        std::this_thread::sleep_for(std::chrono::microseconds(700 * moment));
        transports[2].abort(transports[2].context, 1);
        for (std::thread& thread : threads) thread.join();
        CHECK(failed == 4);
        for (const apo::Transport& t : transports) t.close(t.context);
    }
}

TEST(a_rank_that_waits_sleeps) {
    std::atomic<double> used{1};
    const std::vector<std::string> said = on_threads(2, [&](const apo::Transport& t) {
        if (t.rank == 1) {
            std::this_thread::sleep_for(std::chrono::milliseconds(400));
            return text(t.barrier(t.context));
        }
        const double before = cpu_seconds_of_thread();
        const std::string failed = text(t.barrier(t.context));
        used = cpu_seconds_of_thread() - before;
        return failed;
    });
    CHECK(said[0].empty() && said[1].empty());
    CHECK(used <= 0.05 * 0.4);
}
