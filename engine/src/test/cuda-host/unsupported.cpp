// SPDX-License-Identifier: Apache-2.0
// Every function that the JNI library of JCuda asks for, so that it loads: a missing one would end the JVM at its first call. driver.cpp
// replaces those that the provider uses.

constexpr int kNotSupported = 801;

#define X(name) \
    extern "C" __attribute__((weak)) int name() { return kNotSupported; }
#include "driver_symbols.def"
