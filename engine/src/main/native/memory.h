// SPDX-License-Identifier: Apache-2.0
// Zeroed memory of all buffers, aligned to 64 bytes. Everything but small buffers lies on huge pages where the system has
// them: weights are streamed once per step, and on pages of 4 KiB the processor neither prefetches past a page nor finds its
// translations cached (a third of the speed of a single stream).
#pragma once

#include <stddef.h>

namespace millrace {

// Null if there is no memory. Thread safe, as `freeMemory`.
void* allocateMemory(size_t bytes);

// `bytes` as it was allocated.
void freeMemory(void* memory, size_t bytes);

// Gives up what `memory` holds, not `memory`: the system may take its pages back until they are written again. Then it holds
// what it held, or zeros.
void discardMemory(void* memory, size_t bytes);

}  // namespace millrace
