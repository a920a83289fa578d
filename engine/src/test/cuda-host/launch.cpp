// SPDX-License-Identifier: Apache-2.0
#include "launch.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <vector>
#include <xmmintrin.h>

#include "memory.h"

// Saves the callee-saved registers on the stack, stores the stack pointer and resumes another stack.
asm(R"(
    .text
    .globl emulatedSwitch
    .hidden emulatedSwitch
    .type emulatedSwitch, @function
emulatedSwitch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulatedSwitch, .-emulatedSwitch
)");

extern "C" void emulatedSwitch(void** saved, void* resumed);

namespace emulation {

Counters counters;

namespace {

constexpr unsigned kWarp = 32;
constexpr unsigned kMaxThreads = 1024;
constexpr size_t kStack = 64 << 10;
constexpr int kPoison = 0xFB;

struct Warp {
    unsigned live;
    unsigned arrived;
    unsigned generation;
    unsigned barriers;  // passed by the warp
    bool atBarrier;
    // Two sets: a lane that runs ahead may write its next value while others still read this one.
    uint32_t values[2][kWarp];
    uint32_t words[2][kWarp][kExchanged];
};

struct Fiber {
    Thread thread;
    void* stack;
    void* pointer;  // saved stack pointer
    bool done;
};

// Last accesses to a word of shared memory (smaller variables share one) since the block's barrier `generation` and, while only one warp came, since its own.
struct Shadow {
    unsigned generation;
    unsigned warpBarriers;
    uint16_t warp;  // or kMany
    uint16_t writer;  // thread + 1; 0: none
    uint16_t reader;  // thread + 1; kMany: several
};
constexpr uint16_t kMany = 0xFFFF;
constexpr size_t kWord = 4;

Fiber fibers[kMaxThreads];
Warp warps[kMaxThreads / kWarp];
unsigned numThreads;
unsigned liveThreads;
unsigned atBarrier;
unsigned generation;
bool progress;
Fiber* current;
void* scheduler;
Kernel kernel;
void** kernelParameters;
SharedSection shared;
std::vector<Shadow> shadows;
bool failed;
char failure[512];

unsigned threadNumber() { return (unsigned)(current - fibers); }

void yield() { emulatedSwitch(&current->pointer, scheduler); }

template <typename... Values>
__attribute__((noinline, cold)) void fail(const char* format, Values... values) {
    if (!failed) {
        const Thread& t = current->thread;
        int length = snprintf(failure, sizeof failure, format, values...);
        snprintf(
            failure + length, sizeof failure - (size_t)length, " (block %u,%u,%u thread %u)",
            t.block.x, t.block.y, t.block.z, t.thread.x);
    }
    failed = true;
    yield();  // never resumed
    abort();
}

void runFiber() {
    kernel(kernelParameters);
    current->done = true;
    liveThreads--;
    warps[threadNumber() / kWarp].live--;
    progress = true;
    yield();
    abort();
}

void start(Fiber& fiber) {
    if (fiber.stack == nullptr) {
        fiber.stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fiber.stack == MAP_FAILED) abort();
    }
    // As before the return into runFiber, whose stack must then be 8 off a multiple of 16, under six saved registers.
    void** top = (void**)((uint8_t*)fiber.stack + kStack) - 3;
    top[-1] = (void*)&runFiber;
    fiber.pointer = top - 7;
    fiber.done = false;
}

// Ends the warp's round once all its live lanes are there.
void finishRound(Warp& warp) {
    if (warp.arrived > 0 && warp.arrived >= warp.live) {
        warp.arrived = 0;
        warp.generation++;
        warp.barriers += warp.atBarrier;
        warp.atBarrier = false;
        progress = true;
    }
}

void finishBarrier() {
    if (atBarrier > 0 && atBarrier >= liveThreads) {
        atBarrier = 0;
        generation++;
        progress = true;
    }
}

void runBlock(uint3 grid, uint3 block, uint3 index) {
    liveThreads = numThreads;
    atBarrier = 0;
    generation++;
    for (unsigned i = 0; i < numThreads; i++) {
        start(fibers[i]);
        fibers[i].thread = {{i, 0, 0}, index, block, grid};
    }
    for (unsigned w = 0; w * kWarp < numThreads; w++) {
        const unsigned lanes = numThreads - w * kWarp;
        warps[w].live = lanes < kWarp ? lanes : kWarp;
        warps[w].arrived = 0;
    }
    memset(shared.begin, kPoison, (size_t)(shared.end - shared.begin));
    while (liveThreads > 0 && !failed) {
        progress = false;
        for (unsigned i = 0; i < numThreads && !failed; i++) {
            if (fibers[i].done) continue;
            current = &fibers[i];
            emulatedThread = &current->thread;
            emulatedSwitch(&scheduler, current->pointer);
            finishRound(warps[i / kWarp]);
        }
        finishBarrier();
        if (!progress && !failed) {
            snprintf(failure, sizeof failure, "threads of a block wait for each other for ever");
            failed = true;
        }
    }
}

const char* nameOf(bool isWrite) { return isWrite ? "write" : "read"; }

void checkShared(const void* at, size_t bytes, bool isWrite) {
    const uint16_t thread = (uint16_t)(threadNumber() + 1);
    const size_t first = (size_t)((const char*)at - shared.begin) / kWord;
    for (size_t i = first; i < first + (bytes + kWord - 1) / kWord; i++) {
        Shadow& shadow = shadows[i];
        const bool isKnown = !isWrite && shadow.writer == 0 && shadow.reader == kMany && shadow.warp == kMany;
        if (isKnown && shadow.generation == generation) continue;
        const uint16_t warp = (uint16_t)(threadNumber() / kWarp);
        const unsigned barriers = warps[warp].barriers;
        const bool isPast = shadow.warp == warp && shadow.warpBarriers != barriers;
        if (shadow.generation != generation || isPast) shadow = {generation, barriers, warp, 0, 0};
        if (shadow.warp != warp) shadow.warp = kMany;
        if (shadow.writer != 0 && shadow.writer != thread) {
            fail(
                "race in shared memory: %s at offset %zu after a write by thread %d without a barrier between",
                nameOf(isWrite), (size_t)((const char*)at - shared.begin), shadow.writer - 1);
        }
        if (isWrite && shadow.reader != 0 && shadow.reader != thread) {
            fail(
                "race in shared memory: write at offset %zu after a read by another thread without a barrier between",
                (size_t)((const char*)at - shared.begin));
        }
        if (isWrite) {
            shadow.writer = thread;
        } else {
            shadow.reader = shadow.reader == 0 || shadow.reader == thread ? thread : kMany;
        }
    }
}

inline void access(const void* at, size_t bytes, bool isWrite, size_t alignment) {
    if (at >= shared.begin && at < shared.end) {
        checkShared(at, bytes, isWrite);
        return;
    }
    if (!inArena(at)) {
        if ((uintptr_t)at < 4096) fail("%s of %zu bytes at a null pointer: %p", nameOf(isWrite), bytes, at);
        return;  // the thread's own variables
    }
    Allocation* owner = find(at, bytes);
    if (owner == nullptr) fail("%s of %zu bytes outside of all allocations: %p", nameOf(isWrite), bytes, at);
    if ((uintptr_t)at % alignment != 0) fail("misaligned %s of %zu bytes: %p", nameOf(isWrite), bytes, at);
    (isWrite ? owner->bytesWritten : owner->bytesRead) += bytes;
    (isWrite ? counters.bytesWritten : counters.bytesRead) += bytes;
}

}  // namespace

const char* launch(Kernel entry, uint3 grid, uint3 block, SharedSection section, void** parameters) {
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(0x1F80);
    kernel = entry;
    kernelParameters = parameters;
    numThreads = block.x;
    shared = section;
    shadows.resize((size_t)(section.end - section.begin) / kWord + 1);
    failed = false;
    counters.kernels++;
    // Blocks must not depend on their order: every other launch goes backwards.
    const bool backwards = counters.kernels % 2 == 0;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    for (uint64_t i = 0; i < blocks && !failed; i++) {
        const uint64_t b = backwards ? blocks - 1 - i : i;
        const uint3 index = {
            (unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y)};
        runBlock(grid, block, index);
    }
    current = nullptr;
    _mm_setcsr(mode);
    return failed ? failure : nullptr;
}

extern "C" {

Thread* emulatedThread;

void emulatedBarrier() {
    const unsigned passed = generation;
    atBarrier++;
    progress = true;
    while (generation == passed) yield();
}

void emulatedWarpBarrier() {
    Warp& warp = warps[threadNumber() / kWarp];
    const unsigned round = warp.generation;
    warp.arrived++;
    warp.atBarrier = true;
    progress = true;
    while (warp.generation == round) yield();
}

uint32_t emulatedShuffle(uint32_t value, unsigned lane) {
    Warp& warp = warps[threadNumber() / kWarp];
    const unsigned round = warp.generation;
    warp.values[round % 2][threadNumber() % kWarp] = value;
    warp.arrived++;
    progress = true;
    while (warp.generation == round) yield();
    return warp.values[round % 2][lane % kWarp];
}

const uint32_t* emulatedExchange(const uint32_t* words, unsigned count) {
    Warp& warp = warps[threadNumber() / kWarp];
    const unsigned round = warp.generation;
    memcpy(warp.words[round % 2][threadNumber() % kWarp], words, count * sizeof(uint32_t));
    warp.arrived++;
    progress = true;
    while (warp.generation == round) yield();
    return warp.words[round % 2][0];
}

unsigned emulatedBallot(int predicate) {
    Warp& warp = warps[threadNumber() / kWarp];
    const unsigned round = warp.generation;
    warp.values[round % 2][threadNumber() % kWarp] = predicate != 0;
    warp.arrived++;
    progress = true;
    while (warp.generation == round) yield();
    unsigned bits = 0;
    for (unsigned i = 0; i < kWarp; i++) bits |= (warp.values[round % 2][i] & 1) << i;
    return bits;
}

// What g++ -fsanitize=thread calls on each access to memory; no library of the sanitizer is linked.
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
// Unaligned ones are g++'s own: neighbours that it reads or writes at once.
#define ACCESSES(size)                                                         \
    void __tsan_read##size(void* at) { access(at, size, false, size); }        \
    void __tsan_write##size(void* at) { access(at, size, true, size); }        \
    void __tsan_unaligned_read##size(void* at) { access(at, size, false, 1); } \
    void __tsan_unaligned_write##size(void* at) { access(at, size, true, 1); }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
void __tsan_read_range(void* at, size_t bytes) { access(at, bytes, false, 1); }
void __tsan_write_range(void* at, size_t bytes) { access(at, bytes, true, 1); }
}

}  // namespace emulation
