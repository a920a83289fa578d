// Between a kernel's host twin and launch.cpp.
#pragma once

#include <cstdint>

struct uint3 {
    unsigned x, y, z;
};

namespace emulation {

// What the running thread sees; launch.cpp changes it before it resumes a fiber.
struct Thread {
    uint3 thread, block, blockSize, gridSize;
};

extern "C" Thread* emulatedThread;
extern "C" void emulatedBarrier();
extern "C" void emulatedWarpBarrier();
extern "C" uint32_t emulatedShuffle(uint32_t value, unsigned lane);
extern "C" unsigned emulatedBallot(int predicate);

}  // namespace emulation
