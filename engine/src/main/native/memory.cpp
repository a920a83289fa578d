// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <mutex>
#include <new>

namespace millrace {

namespace {

constexpr size_t kHugePage = 2 << 20;
constexpr size_t kSlabBytes = 32 << 20;
constexpr size_t kSmall = 64 << 10;       // below: the C library's heap
constexpr size_t kOwnMapping = 8 << 20;   // from here on: a mapping of its own

// Start of a slab; slabs are aligned to their size. Buffers are cut off one after another, and the slab goes with the last.
struct Slab {
    size_t used;
    size_t buffers;
};

std::mutex slabLock;
Slab* current = nullptr;

size_t roundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Mapped pages, zero, aligned to `alignment`.
void* map(size_t bytes, size_t alignment) {
    void* whole = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    const uintptr_t start = (uintptr_t)whole;
    const uintptr_t first = roundUp(start, alignment);
    if (first > start) munmap(whole, first - start);
    munmap((void*)(first + bytes), start + alignment - first);
    madvise((void*)first, bytes, MADV_HUGEPAGE);
    return (void*)first;
}

void* allocateFromSlab(size_t bytes) {
    std::lock_guard<std::mutex> lock(slabLock);
    if (current == nullptr || current->used + bytes > kSlabBytes) {
        void* slab = map(kSlabBytes, kSlabBytes);
        if (slab == nullptr) return nullptr;
        current = new (slab) Slab{64, 0};
    }
    void* memory = (uint8_t*)current + current->used;
    current->used += bytes;
    current->buffers++;
    return memory;
}

void freeInSlab(void* memory) {
    std::lock_guard<std::mutex> lock(slabLock);
    Slab* slab = (Slab*)((uintptr_t)memory / kSlabBytes * kSlabBytes);
    if (--slab->buffers > 0) return;
    if (slab == current) current = nullptr;
    munmap(slab, kSlabBytes);
}

}  // namespace

void* allocateMemory(size_t bytes) {
    if (bytes >= kOwnMapping) return map(roundUp(bytes, kHugePage), kHugePage);
    const size_t size = roundUp(bytes, 64);
    if (size >= kSmall) return allocateFromSlab(size);
    void* memory = aligned_alloc(64, size);
    if (memory != nullptr) memset(memory, 0, size);
    return memory;
}

void freeMemory(void* memory, size_t bytes) {
    if (bytes >= kOwnMapping) {
        munmap(memory, roundUp(bytes, kHugePage));
    } else if (roundUp(bytes, 64) >= kSmall) {
        freeInSlab(memory);
    } else {
        free(memory);
    }
}

void discardMemory(void* memory, size_t bytes) {
    if (bytes >= kOwnMapping) madvise(memory, roundUp(bytes, kHugePage), MADV_FREE);
}

}  // namespace millrace
