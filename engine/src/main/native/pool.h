// SPDX-License-Identifier: Apache-2.0
// The compute pool of the process: a fixed set of workers that run the chunks of one operation at a time. The calling thread
// takes part. Chunks are handed out one by one, so a worker that the system holds back delays nothing but the chunk it has
// begun. Which thread runs a chunk changes no result.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels.h"

namespace millrace {

class Pool {
   public:
    using Chunk = void (*)(const void* args, int chunk, void* scratch);

    static constexpr int kMaxChunks = 1 << 19;

    Pool() = default;
    ~Pool() { stop(); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Goes on with `threads` in all, the calling one included. Waits for the operation that runs.
    void resize(int threads);

    int threads() const { return threads_.load(std::memory_order_relaxed); }

    // Runs chunks [0, chunks) and returns when all are done; each finds `scratchBytes` of memory of its thread. Calls of
    // several threads take turns. Throws std::bad_alloc, before any chunk, where there is no such memory.
    void run(Chunk chunk, const void* args, int chunks, size_t scratchBytes = 0);

   private:
    // Memory of one thread, kept and grown by the calling thread between operations.
    struct Scratch {
        void* data = nullptr;
        size_t bytes = 0;
        void reserve(size_t wanted);
    };

    void stop();
    void work(int index);
    bool takeChunks(const Scratch& scratch);
    bool waitForChunks();
    void waitForTheRest(int chunks);

    // generation << 40 | chunks << 20 | next chunk: one word, so that a claim is valid or not by itself.
    std::atomic<uint64_t> ticket_{0};
    std::atomic<int> finished_{0};
    std::atomic<int> sleepers_{0};
    std::atomic<uint32_t> wake_{0};
    std::atomic<bool> stop_{false};
    std::atomic<Chunk> chunk_{nullptr};
    std::atomic<const void*> args_{nullptr};
    std::atomic<int> threads_{1};
    uint64_t generation_ = 0;
    std::mutex turn_;
    std::vector<std::thread> workers_;
    std::vector<Scratch> scratch_ = std::vector<Scratch>(1);
};

// Sets round to nearest, no traps, subnormals kept, for the current thread; restores what was there.
class FloatMode {
   public:
    FloatMode() : saved_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(0x1F80); }
    ~FloatMode() { __builtin_ia32_ldmxcsr(saved_); }
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

   private:
    unsigned saved_;
};

}  // namespace millrace
