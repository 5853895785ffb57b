#include "block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "error.h"
#include "fiber.h"

namespace emulation {

Indices indices;

namespace {

constexpr int kWarp = 32;
constexpr int kBarriers = 16;
constexpr unsigned char kPoison = 0xff;  // as f32 and bf16: NaN

enum class State { ready, at_barrier, at_warp_operation, ended };

struct AsyncCopy {
    void* target;
    const void* source;
    bool real;
};

struct Thread {
    Fiber fiber;
    State state = State::ended;
    Indices own;
    int number = 0;
    Place place{"", 0};
    int barrier = 0, barrier_threads = 0;
    bool value = false;
    int count = 0;  // result of barrier_count
    uint32_t mask = 0;
    void* request = nullptr;
    void (*complete)(void* const*, uint32_t) = nullptr;
    std::vector<AsyncCopy> open_group;
    std::deque<std::vector<AsyncCopy>> groups;
};

struct FreeAligned {
    void operator()(void* p) const { std::free(p); }
};
using SharedArray = std::unique_ptr<void, FreeAligned>;

SharedArray shared_array(size_t bytes) {
    // The exact size, for AddressSanitizer to see the end.
    void* memory = nullptr;
    if (posix_memalign(&memory, 128, bytes == 0 ? 1 : bytes) != 0) throw std::bad_alloc();
    std::memset(memory, kPoison, bytes);
    return SharedArray(memory);
}

struct Grid {
    const char* kernel;
    Place place;
    const std::function<void()>* body;
    size_t dynamic_bytes;
    SharedArray dynamic;
    size_t static_bytes;  // that the kernel's symbols tell
    std::map<const void*, std::pair<SharedArray, size_t>> statics;
    std::vector<Thread*> threads;
    std::vector<int> ready;
    int ended = 0;
    int waiting[kBarriers] = {};
    std::string fault;
};

// The emulation runs on one thread of the system at a time, as its users do.
Grid* grid = nullptr;
Thread* running = nullptr;
uint32_t random_state = 1;

uint32_t random_below(size_t n) {
    random_state ^= random_state << 13, random_state ^= random_state >> 17, random_state ^= random_state << 5;
    return uint32_t(random_state % n);
}

std::vector<std::unique_ptr<Thread>>& thread_pool() {
    static std::vector<std::unique_ptr<Thread>> pool;
    return pool;
}

std::string text_of(const Place& place) {
    const char* slash = std::strrchr(place.file, '/');
    return std::string(slash == nullptr ? place.file : slash + 1) + ":" + std::to_string(place.line);
}

void wake(Thread& thread) {
    thread.state = State::ready;
    grid->ready.push_back(thread.number);
}

void stop(State state, Place place) {
    Thread& self = *running;
    self.state = state;
    self.place = place;
    self.fiber.pause();
}

void thread_entry(void* thread) {
    (*grid->body)();
    static_cast<Thread*>(thread)->state = State::ended;
    grid->ended++;
}

// Who waits where, for a block that stands still.
std::string standstill() {
    std::map<std::string, int> places;
    for (const Thread* t : grid->threads) {
        switch (t->state) {
            case State::at_barrier: places["wait at the barrier in " + text_of(t->place)]++; break;
            case State::at_warp_operation: places["wait for lanes of their warp in " + text_of(t->place)]++; break;
            default: places["have ended"]++; break;
        }
    }
    std::string text;
    for (const auto& [place, count] : places) text += (text.empty() ? "" : ", ") + std::to_string(count) + " threads " + place;
    return text;
}

// Wakes the threads at a barrier once all have come.
void try_barrier(int id, int threads) {
    if (++grid->waiting[id] < threads) return;
    grid->waiting[id] = 0;
    int ones = 0;
    const Thread* first = nullptr;
    for (const Thread* t : grid->threads) {
        if (t->state != State::at_barrier || t->barrier != id) continue;
        ones += t->value;
        if (first == nullptr) first = t;
    }
    for (Thread* t : grid->threads) {
        if (t->state != State::at_barrier || t->barrier != id) continue;
        if (t->place.line != first->place.line || std::strcmp(t->place.file, first->place.file) != 0) {
            grid->fault = "threads meet at different barriers, " + text_of(first->place) + " and " + text_of(t->place);
            return;
        }
        t->count = ones;
        wake(*t);
    }
}

void run_block() {
    const int threads = int(grid->threads.size());
    std::memset(grid->dynamic.get(), kPoison, grid->dynamic_bytes);
    for (auto& [key, array] : grid->statics) std::memset(array.first.get(), kPoison, array.second);
    grid->ended = 0;
    std::fill(std::begin(grid->waiting), std::end(grid->waiting), 0);
    grid->ready.clear();
    for (int i = 0; i < threads; i++) {
        Thread& t = *grid->threads[size_t(i)];
        t.number = i;
        t.own = indices;
        const unsigned x = indices.block_size.x, y = indices.block_size.y;
        t.own.thread = dim3(unsigned(i) % x, unsigned(i) / x % y, unsigned(i) / (x * y));
        t.open_group.clear(), t.groups.clear();
        t.fiber.prepare(thread_entry, &t);
        wake(t);
    }
    while (grid->fault.empty()) {
        if (grid->ready.empty()) {
            if (grid->ended < threads) grid->fault = "the block stands still: " + standstill();
            break;
        }
        const size_t pick = random_below(grid->ready.size());
        running = grid->threads[size_t(grid->ready[pick])];
        grid->ready[pick] = grid->ready.back();
        grid->ready.pop_back();
        indices = running->own;
        running->fiber.resume();
    }
    running = nullptr;
}

}  // namespace

void set_seed(uint32_t seed) { random_state = seed * 2654435761u | 1u; }

void run_grid(const Launch& launch, size_t static_bytes, const std::function<void()>& body) {
    const char* kernel = launch.name;
    const dim3 grid_size = launch.grid, block = launch.block;
    const size_t threads = size_t(block.x) * block.y * block.z;
    if (threads % kWarp != 0) {
        apo::fail(APO_E_INTERNAL, "kernel %s (%s): %zu threads a block; expected whole warps", kernel, text_of(launch.place).c_str(), threads);
    }
    while (thread_pool().size() < threads) thread_pool().push_back(std::make_unique<Thread>());
    Grid own{kernel, launch.place, &body, launch.shared_bytes, shared_array(launch.shared_bytes), static_bytes, {}, {}, {}, 0, {}, {}};
    for (size_t i = 0; i < threads; i++) own.threads.push_back(thread_pool()[i].get());
    grid = &own;
    indices = {dim3(0, 0, 0), dim3(0, 0, 0), block, grid_size};
    const uint64_t blocks = uint64_t(grid_size.x) * grid_size.y * grid_size.z;
    const uint64_t shift = blocks == 0 ? 0 : random_below(size_t(std::min<uint64_t>(blocks, UINT32_MAX)));
    const bool backwards = random_below(2) == 1;
    for (uint64_t i = 0; i < blocks && own.fault.empty(); i++) {
        const uint64_t b = ((backwards ? blocks - 1 - i : i) + shift) % blocks;
        indices = {dim3(0, 0, 0), dim3(unsigned(b % grid_size.x), unsigned(b / grid_size.x % grid_size.y), unsigned(b / grid_size.x / grid_size.y)),
                   block, grid_size};
        const dim3 at = indices.block;
        run_block();
        if (!own.fault.empty()) {
            own.fault += " (block " + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
        }
    }
    grid = nullptr;
    if (!own.fault.empty()) apo::fail(APO_E_INTERNAL, "kernel %s (%s): %s", kernel, text_of(launch.place).c_str(), own.fault.c_str());
}

void fault(const char* format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (running == nullptr) apo::fail(APO_E_INTERNAL, "outside of a kernel: %s", text);
    const dim3 at = indices.thread;
    grid->fault = std::string(text) + ", thread " + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z);
    for (;;) running->fiber.pause();  // the grid is given up and nobody resumes it
}

void barrier(int id, int threads, Place place) {
    if (id < 0 || id >= kBarriers) fault("barrier %d in %s; a block has %d", id, text_of(place).c_str(), kBarriers);
    const int all = int(grid->threads.size());
    Thread& self = *running;
    self.barrier = id;
    self.barrier_threads = threads == 0 ? all : threads;
    self.state = State::at_barrier;
    self.place = place;
    try_barrier(id, self.barrier_threads);
    if (self.state == State::ready) {  // the last one: it is queued with the others
        self.fiber.pause();
        return;
    }
    stop(State::at_barrier, place);
}

int barrier_count(bool value, Place place) {
    running->value = value;
    barrier(0, 0, place);
    running->value = false;
    return running->count;
}

void warp_operation(uint32_t mask, void* request, void (*complete)(void* const*, uint32_t), Place place) {
    Thread& self = *running;
    const int first = self.number / kWarp * kWarp;
    if ((mask >> lane() & 1u) == 0) fault("lane %d is not in the mask %08x in %s", lane(), mask, text_of(place).c_str());
    self.mask = mask, self.request = request, self.complete = complete, self.place = place;
    self.state = State::at_warp_operation;
    void* requests[kWarp] = {};
    for (int i = 0; i < kWarp; i++) {
        if ((mask >> i & 1u) == 0) continue;
        const Thread& other = *grid->threads[size_t(first + i)];
        const bool here = other.state == State::at_warp_operation && other.mask == mask && other.complete == complete &&
                          other.place.line == place.line && std::strcmp(other.place.file, place.file) == 0;
        if (!here) {
            stop(State::at_warp_operation, place);
            return;
        }
        requests[i] = other.request;
    }
    complete(requests, mask);
    for (int i = 0; i < kWarp; i++) {
        if ((mask >> i & 1u) != 0) wake(*grid->threads[size_t(first + i)]);
    }
    self.fiber.pause();
}

int lane() { return running->number % kWarp; }

void* static_shared(const void* key, size_t bytes) {
    auto found = grid->statics.find(key);
    if (found == grid->statics.end()) {
        size_t total = bytes;
        for (const auto& [other, array] : grid->statics) total += array.second;
        if (total > grid->static_bytes) fault("%zu bytes of static shared memory; its symbols tell of %zu", total, grid->static_bytes);
        found = grid->statics.emplace(key, std::make_pair(shared_array(bytes), bytes)).first;
    }
    return found->second.first.get();
}

void* dynamic_shared() { return grid->dynamic.get(); }

bool in_shared(const void* address, size_t bytes) {
    const auto at = reinterpret_cast<uintptr_t>(address);
    auto inside = [&](const SharedArray& array, size_t size) {
        const auto begin = reinterpret_cast<uintptr_t>(array.get());
        return at >= begin && at + bytes <= begin + size;
    };
    if (inside(grid->dynamic, grid->dynamic_bytes)) return true;
    for (const auto& [key, array] : grid->statics) {
        if (inside(array.first, array.second)) return true;
    }
    return false;
}

void copy_async_16(void* target, const void* source, bool real) {
    if (!in_shared(target, 16)) fault("cp.async to an address outside of shared memory");
    if (reinterpret_cast<uintptr_t>(target) % 16 != 0 || (real && reinterpret_cast<uintptr_t>(source) % 16 != 0)) {
        fault("cp.async with an address that is no multiple of 16");
    }
    std::memset(target, kPoison, 16);
    running->open_group.push_back({target, source, real});
}

void copy_async_commit() {
    running->groups.push_back(std::move(running->open_group));
    running->open_group.clear();
}

void copy_async_wait(size_t groups) {
    while (running->groups.size() > groups) {
        for (const AsyncCopy& copy : running->groups.front()) {
            if (copy.real) {
                std::memcpy(copy.target, copy.source, 16);
            } else {
                std::memset(copy.target, 0, 16);
            }
        }
        running->groups.pop_front();
    }
}

}  // namespace emulation
