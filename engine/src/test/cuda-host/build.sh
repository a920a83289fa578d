#!/usr/bin/env bash
# Compiles the kernels for the host and the stand-in driver that runs them: build.sh OUTPUT_DIR. Does nothing where they are newer than
# all sources. Without a C++ compiler it says so and leaves nothing: the tests that need them are then skipped by name.
set -euo pipefail

mkdir -p "$1"
output="$(cd "$1" && pwd)"
cd "$(dirname "$0")"
kernels=../../main/cuda
cxx="${CXX:-g++}"

if ! command -v "$cxx" > /dev/null || [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "no C++ compiler for Linux on x86_64 ($cxx): the emulated CUDA device is left out"
    exit 0
fi
if [ -f "$output/libmillrace-cuda-host.so" ] \
    && [ -z "$(find . "$kernels" -newer "$output/libmillrace-cuda-host.so" -type f -print -quit)" ]; then
    exit 0
fi

common=(-std=c++20 -fPIC -shared -Wall -Wextra -Werror -mfma -mf16c -ffp-contract=off)
"$cxx" "${common[@]}" -O2 -fvisibility=default -static-libstdc++ -static-libgcc -Wl,-soname,libcuda.so.1 \
    driver.cpp launch.cpp memory.cpp unsupported.cpp -o "$output/libcuda.so.1"
# The sanitizer's calls on each access to memory go to launch.cpp; its own library is not linked.
"$cxx" "${common[@]}" -O2 -fsanitize=thread --param tsan-instrument-func-entry-exit=0 -Wno-unused-function -Wno-unknown-pragmas -Wno-maybe-uninitialized -fno-math-errno \
    -include emulation.h -c twins.cpp -o "$output/twins.o"
"$cxx" -shared -static-libstdc++ -static-libgcc "$output/twins.o" "$output/libcuda.so.1" -o "$output/libmillrace-cuda-host.so"
