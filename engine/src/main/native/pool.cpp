// SPDX-License-Identifier: Apache-2.0
#include "pool.h"

#include <stdlib.h>

#include <chrono>
#include <new>

namespace millrace {

namespace {

constexpr int kSpins = 4000;  // some 50 to 100 microseconds
constexpr std::chrono::microseconds kNap(20);
constexpr uint64_t kField = (1u << 20) - 1;

uint64_t chunksOf(uint64_t ticket) { return ticket >> 20 & kField; }
uint64_t nextOf(uint64_t ticket) { return ticket & kField; }

}  // namespace

void Pool::Scratch::reserve(size_t wanted) {
    if (wanted <= bytes) return;
    free(data);
    bytes = 0;
    const size_t grown = (wanted + wanted / 2 + 63) / 64 * 64;
    data = aligned_alloc(64, grown);
    if (data == nullptr) throw std::bad_alloc();
    bytes = grown;
}

void Pool::resize(int threads) {
    std::lock_guard<std::mutex> lock(turn_);
    if (threads == this->threads()) return;
    stop();
    stop_ = false;
    scratch_ = std::vector<Scratch>(threads);
    threads_ = threads;
    for (int i = 1; i < threads; i++) workers_.emplace_back([this, i] { work(i); });
}

void Pool::stop() {
    stop_ = true;
    wake_++;
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    for (Scratch& scratch : scratch_) free(scratch.data);
    scratch_.clear();
}

void Pool::run(Chunk chunk, const void* args, int chunks, size_t scratchBytes) {
    std::lock_guard<std::mutex> lock(turn_);
    for (Scratch& scratch : scratch_) scratch.reserve(scratchBytes);
    if (workers_.empty() || chunks == 1) {
        for (int i = 0; i < chunks; i++) chunk(args, i, scratch_[0].data);
        return;
    }
    chunk_.store(chunk, std::memory_order_relaxed);
    args_.store(args, std::memory_order_relaxed);
    finished_.store(0, std::memory_order_relaxed);
    ticket_.store(++generation_ << 40 | (uint64_t)chunks << 20, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
        wake_.fetch_add(1, std::memory_order_release);
        wake_.notify_all();
    }
    takeChunks(scratch_[0]);
    waitForTheRest(chunks);
}

// Spins, then naps. A processor left idle is where the system moves a worker to that waits behind another thread, but only
// at the moment that it becomes idle, and not a worker that ran within the last half millisecond: so it becomes idle again
// and again, not once for what may be four milliseconds.
void Pool::waitForTheRest(int chunks) {
    const auto isDone = [&] { return finished_.load(std::memory_order_acquire) == chunks; };
    for (int spins = 0; !isDone() && spins < kSpins; spins++) __builtin_ia32_pause();
    while (!isDone()) std::this_thread::sleep_for(kNap);
}

bool Pool::takeChunks(const Scratch& scratch) {
    bool any = false;
    while (true) {
        uint64_t seen = ticket_.load(std::memory_order_acquire);
        if (nextOf(seen) >= chunksOf(seen)) return any;
        seen = ticket_.fetch_add(1, std::memory_order_acq_rel);
        if (nextOf(seen) >= chunksOf(seen)) return any;
        // A valid claim: the operation cannot end before it is reported, so these are its own.
        chunk_.load(std::memory_order_relaxed)(
            args_.load(std::memory_order_relaxed), (int)nextOf(seen), scratch.data);
        finished_.fetch_add(1, std::memory_order_acq_rel);
        any = true;
    }
}

// Spins, then sleeps, until there are chunks to take; false at the end of the pool.
bool Pool::waitForChunks() {
    for (int spins = 0; spins < kSpins; spins++) {
        const uint64_t seen = ticket_.load(std::memory_order_acquire);
        if (nextOf(seen) < chunksOf(seen)) return true;
        __builtin_ia32_pause();
    }
    const uint32_t signal = wake_.load(std::memory_order_acquire);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const uint64_t seen = ticket_.load(std::memory_order_seq_cst);
    if (nextOf(seen) >= chunksOf(seen) && !stop_) wake_.wait(signal, std::memory_order_acquire);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    return !stop_;
}

void Pool::work(int index) {
    FloatMode mode;
    while (!stop_) {
        if (!takeChunks(scratch_[index]) && !waitForChunks()) return;
    }
}

}  // namespace millrace
