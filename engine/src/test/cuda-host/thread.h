// SPDX-License-Identifier: Apache-2.0
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
// Gives `count` words of this lane, at most 6, to the warp; returns those of lane 0, 1, ... one after another, valid until the warp's next
// but one operation.
extern "C" const uint32_t* emulatedExchange(const uint32_t* words, unsigned count);
constexpr unsigned kExchanged = 6;  // words of a lane in what it returns

}  // namespace emulation
