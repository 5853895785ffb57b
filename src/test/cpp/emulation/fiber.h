// Threads of control within one thread of the system: a stack each, switched by hand, known to AddressSanitizer.
#pragma once

#include <cstddef>

namespace emulation {

class Fiber {
public:
    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;

    // The next resume() calls entry(argument) on this fiber's stack. A run that was not finished is given up.
    void prepare(void (*entry)(void*), void* argument);
    // Runs the fiber until it pauses or its entry returns.
    void resume();
    // From within the fiber: goes back to who resumed it.
    void pause();

private:
    static void begin(void* fiber);
    void leave(bool for_good);

    char* stack_;  // with a page without access below it
    void* top_ = nullptr;
    void* resumer_ = nullptr;
    void (*entry_)(void*) = nullptr;
    void* argument_ = nullptr;
    void *fake_stack_ = nullptr, *resumer_fake_stack_ = nullptr;  // AddressSanitizer's
    const void* resumer_bottom_ = nullptr;
    size_t resumer_bytes_ = 0;
};

}  // namespace emulation
