#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#error "the emulation's fibers are written for x86-64"
#endif

// Saves the callee's registers (System V ABI) on this stack, whose top goes to *save, and takes those of the stack at `load`.
extern "C" void apo_fiber_switch(void** save, void* load);
// The first return address on a new stack: r12(r13).
extern "C" void apo_fiber_start();

__asm__(
    ".text\n"
    ".globl apo_fiber_switch\n"
    ".type apo_fiber_switch,@function\n"
    "apo_fiber_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size apo_fiber_switch,.-apo_fiber_switch\n"
    ".globl apo_fiber_start\n"
    ".type apo_fiber_start,@function\n"
    "apo_fiber_start:\n"
    "  movq %r13, %rdi\n"
    "  callq *%r12\n"
    "  ud2\n"
    ".size apo_fiber_start,.-apo_fiber_start\n");

namespace emulation {

namespace {

constexpr size_t kPage = 4096, kStack = size_t(256) << 10;

}  // namespace

Fiber::Fiber() {
    void* memory = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, kPage, PROT_NONE);
    stack_ = static_cast<char*>(memory);
}

Fiber::~Fiber() { munmap(stack_, kStack); }

void Fiber::prepare(void (*entry)(void*), void* argument) {
    entry_ = entry, argument_ = argument, fake_stack_ = nullptr;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack_ + kPage, kStack - kPage);
#endif
    // As apo_fiber_switch leaves a stack: r15, r14, r13, r12, rbx, rbp, return address; a call's stack is a multiple of 16.
    auto* slot = reinterpret_cast<void**>(stack_ + kStack) - 2;
    *--slot = reinterpret_cast<void*>(&apo_fiber_start);
    *--slot = nullptr;
    *--slot = nullptr;
    *--slot = reinterpret_cast<void*>(&Fiber::begin);
    *--slot = this;
    *--slot = nullptr;
    *--slot = nullptr;
    top_ = slot;
}

void Fiber::begin(void* fiber) {
    auto* self = static_cast<Fiber*>(fiber);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &self->resumer_bottom_, &self->resumer_bytes_);
#endif
    self->entry_(self->argument_);
    self->leave(true);
}

void Fiber::resume() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&resumer_fake_stack_, stack_ + kPage, kStack - kPage);
#endif
    apo_fiber_switch(&resumer_, top_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(resumer_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::pause() { leave(false); }

void Fiber::leave([[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack_, resumer_bottom_, resumer_bytes_);
#endif
    apo_fiber_switch(&top_, resumer_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack_, &resumer_bottom_, &resumer_bytes_);
#endif
}

}  // namespace emulation
