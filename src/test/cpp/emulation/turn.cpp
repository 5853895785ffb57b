#include "turn.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace emulation {

namespace {

std::mutex mutex;
std::condition_variable change;
thread_local int depth = 0;

}  // namespace

Turn::Turn() {
    if (depth++ == 0) mutex.lock();
}

Turn::~Turn() {
    if (--depth == 0) mutex.unlock();
}

void Turn::wait() {
    std::unique_lock<std::mutex> lock(mutex, std::adopt_lock);
    change.wait(lock);
    lock.release();
}

void Turn::pause() {
    std::unique_lock<std::mutex> lock(mutex, std::adopt_lock);
    change.wait_for(lock, std::chrono::microseconds(200));
    lock.release();
}

void Turn::changed() { change.notify_all(); }

}  // namespace emulation
