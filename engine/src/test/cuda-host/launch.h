// SPDX-License-Identifier: Apache-2.0
// Runs kernels on the host: blocks one after another, each thread of a block on a fiber of its own.
#pragma once

#include <cstdint>

#include "thread.h"

namespace emulation {

// Entry of a kernel's host twin: the pointers to its parameters, as cuLaunchKernel takes them.
using Kernel = void (*)(void** parameters);

// Shared variables of the library that a kernel comes from.
struct SharedSection {
    char* begin;
    char* end;
};

struct Counters {
    uint64_t launches;  // of kernels and graphs
    uint64_t kernels;  // that ran, by themselves or in graphs
    uint64_t graphs;  // launched
    uint64_t bytesRead;  // of device memory, by kernels
    uint64_t bytesWritten;
    uint64_t bytesToDevice;
    uint64_t bytesToHost;
};

extern Counters counters;

// Null if the launch went well, otherwise what went wrong, valid until the next launch.
const char* launch(Kernel kernel, uint3 grid, uint3 block, SharedSection shared, void** parameters);

}  // namespace emulation
