// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <cstring>
#include <map>
#include <sys/mman.h>

namespace emulation {

uint8_t* arena = nullptr;
Allocation** owners = nullptr;

namespace {

constexpr size_t kDevice = size_t{1} << 33;  // what the device claims to have
constexpr int kPoison = 0xFB;  // as float about -2.6e36, as index far outside

uint8_t* next = nullptr;
size_t used = 0;
size_t taken = 0;  // by nobody
std::multimap<size_t, uint8_t*> reusable;  // by number of pages

size_t pageOf(const void* at) { return (size_t)((const uint8_t*)at - arena) / kPage; }

bool open() {
    if (arena != nullptr) return true;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* space = mmap(nullptr, kArena, PROT_READ | PROT_WRITE, flags, -1, 0);
    void* table = mmap(nullptr, kArena / kPage * sizeof(void*), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (space == MAP_FAILED || table == MAP_FAILED) return false;
    arena = (uint8_t*)space;
    next = arena + kPage;
    owners = (Allocation**)table;
    return true;
}

}  // namespace

void* allocate(size_t bytes) {
    const size_t pages = (bytes + kPage - 1) / kPage;
    if (!open() || used + taken + pages * kPage > kDevice) return nullptr;
    uint8_t* begin;
    if (auto old = reusable.find(pages); old != reusable.end()) {
        begin = old->second;
        reusable.erase(old);
    } else {
        if (next + (pages + 1) * kPage > arena + kArena) return nullptr;
        begin = next;
        next += (pages + 1) * kPage;
    }
    memset(begin, kPoison, pages * kPage);
    auto* allocation = new Allocation{begin, begin + bytes, 0, 0};
    for (size_t i = 0; i < pages; i++) owners[pageOf(begin) + i] = allocation;
    used += pages * kPage;
    return begin;
}

bool release(void* at) {
    Allocation* allocation = find(at, 1);
    if (allocation == nullptr || allocation->begin != at) return false;
    const size_t pages = ((size_t)(allocation->end - allocation->begin) + kPage - 1) / kPage;
    for (size_t i = 0; i < pages; i++) owners[pageOf(at) + i] = nullptr;
    madvise(at, pages * kPage, MADV_DONTNEED);
    reusable.emplace(pages, allocation->begin);
    used -= pages * kPage;
    delete allocation;
    return true;
}

size_t totalBytes() { return kDevice; }

size_t freeBytes() { return kDevice - used - taken; }

void leaveFree(size_t bytes) { taken = bytes == 0 ? 0 : kDevice - used - bytes; }

}  // namespace emulation
