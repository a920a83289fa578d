// SPDX-License-Identifier: Apache-2.0
#include "kernels.h"
#include "simd_avx512.h"

// After the instruction set's primitives: the operations, written once.
#include "matmul.h"
#include "rows.h"
#include "slots.h"
#include "statistics.h"
#include "attention.h"

namespace millrace {

const Kernels kAvx512Kernels = {
    "avx512",
    avx512::matmul,
    avx512::rotate,
    avx512::ropeAndStore,
    avx512::attention,
    avx512::moveSlots,
    avx512::packSlots,
    avx512::unpackSlots,
    avx512::embed,
    avx512::rmsNorm,
    avx512::quantize,
    {avx512::gatedProduct<avx512::silu>, avx512::gatedProduct<avx512::geluTanh>},
    avx512::addRows,
    avx512::addBias,
    avx512::scaleRows,
    avx512::capRows,
    avx512::argmax,
};

}  // namespace millrace
