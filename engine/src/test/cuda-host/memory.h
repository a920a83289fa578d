// The emulated device's memory: one arena of address space, allocations on pages of their own with an unowned page on each side, so
// that every access can be checked and counted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulation {

struct Allocation {
    uint8_t* begin;
    uint8_t* end;
    uint64_t bytesRead;  // by kernels
    uint64_t bytesWritten;
};

// Poisoned memory; null if the arena is full.
void* allocate(size_t bytes);

// Whether `at` was the start of an allocation, which is gone now.
bool release(void* at);

// The allocation that [at, at + bytes) lies in; null if it is not wholly inside one.
Allocation* find(const void* at, size_t bytes);

// Whether `at` lies in the arena, in an allocation or not.
bool inArena(const void* at);

size_t totalBytes();
size_t freeBytes();

}  // namespace emulation
