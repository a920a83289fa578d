// SPDX-License-Identifier: Apache-2.0
// The library of host twins: the kernels of the engine, and those with mistakes.
#include "../../main/cuda/kernels.cu"
#include "faults.cu"
