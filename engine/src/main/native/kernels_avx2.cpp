// SPDX-License-Identifier: Apache-2.0
#include "kernels.h"
#include "simd_avx2.h"

// After the instruction set's primitives: the operations, written once.
#include "matmul.h"
#include "rows.h"
#include "slots.h"
#include "statistics.h"
#include "attention.h"

namespace millrace {

const Kernels kAvx2Kernels = {
    "avx2",
    avx2::matmul,
    avx2::rotate,
    avx2::ropeAndStore,
    avx2::attention,
    avx2::moveSlots,
    avx2::packSlots,
    avx2::unpackSlots,
    avx2::embed,
    avx2::rmsNorm,
    avx2::quantize,
    {avx2::gatedProduct<avx2::silu>, avx2::gatedProduct<avx2::geluTanh>},
    avx2::addRows,
    avx2::addBias,
    avx2::scaleRows,
    avx2::capRows,
    avx2::argmax,
};

}  // namespace millrace
