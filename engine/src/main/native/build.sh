#!/usr/bin/env bash
# Compiles libmillrace.so: build.sh OUTPUT_DIR JAVA_HOME. Does nothing where the library is newer than all sources. Without a
# C++ compiler it says so and leaves no library: the engine then runs its Java kernels.
set -euo pipefail

mkdir -p "$1"
output="$(cd "$1" && pwd)"
java_home="$2"
cd "$(dirname "$0")"
cxx="${CXX:-g++}"
library="$output/libmillrace.so"

if ! command -v "$cxx" > /dev/null; then
    echo "no C++ compiler ($cxx): native kernels are left out, the engine will run its slower Java kernels"
    exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "native kernels are for Linux on x86_64 only: left out"
    exit 0
fi
if [ -f "$library" ] && [ -z "$(find . -newer "$library" -type f -print -quit)" ]; then
    exit 0
fi

objects="$(mktemp -d)"
trap 'rm -rf "$objects"' EXIT
common=(-O3 -std=c++20 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno
    -Wall -Wextra -Werror -I"$java_home/include" -I"$java_home/include/linux")
# GCC's own AVX-512 headers trip this warning.
avx512=(-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -Wno-maybe-uninitialized -Wno-uninitialized)

"$cxx" "${common[@]}" -mavx2 -mfma -mf16c -c kernels_avx2.cpp -o "$objects/kernels_avx2.o"
"$cxx" "${common[@]}" -mavx2 -mfma -mf16c "${avx512[@]}" -c kernels_avx512.cpp -o "$objects/kernels_avx512.o"
for source in pool memory jni; do
    "$cxx" "${common[@]}" -c "$source.cpp" -o "$objects/$source.o"
done
"$cxx" -shared -static-libstdc++ -static-libgcc -pthread "$objects"/*.o -o "$library.tmp"
mv "$library.tmp" "$library"
