// SPDX-License-Identifier: Apache-2.0
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

constexpr size_t kPage = 4096;
constexpr size_t kArena = size_t{1} << 35;  // address space; memory is taken when touched

extern __attribute__((visibility("hidden"))) uint8_t* arena;  // null before the first allocation
extern __attribute__((visibility("hidden"))) Allocation** owners;  // one per page of the arena

// Whether `at` lies in the arena, in an allocation or not.
inline bool inArena(const void* at) { return (size_t)((const uint8_t*)at - arena) < kArena && arena != nullptr; }

// The allocation that [at, at + bytes) lies in; null if it is not wholly inside one. Called on every access of a kernel.
inline Allocation* find(const void* at, size_t bytes) {
    if (!inArena(at)) return nullptr;
    Allocation* owner = owners[(size_t)((const uint8_t*)at - arena) / kPage];
    return owner != nullptr && (const uint8_t*)at + bytes <= owner->end ? owner : nullptr;
}

size_t totalBytes();
size_t freeBytes();

// Takes all memory but so much; 0: gives it back.
void leaveFree(size_t bytes);

}  // namespace emulation
