#!/usr/bin/env bash
# Compiles the kernels for devices with NVRTC 12.6, checks them with nvcc 13.0, and replaces ../resources/cuda. Needs no GPU and no driver;
# run it after every change of a kernel (KernelImagesTest compares hashes). The compilers are Python packages, kept under MILLRACE_HOME.
set -euo pipefail
cd "$(dirname "$0")"
tools="${MILLRACE_HOME:-$HOME/.cache/millrace}/cuda-tools"

packages12=(nvidia-cuda-nvrtc-cu12==12.6.20)
packages13=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-cccl==13.0.85)
for version in 12 13; do
    if [ ! -f "$tools/$version/complete" ]; then
        declare -n packages="packages$version"
        python3 -m venv "$tools/$version"
        "$tools/$version/bin/pip" install -q "${packages[@]}"
        touch "$tools/$version/complete"
    fi
done
python3 compile.py "$tools/12" ../resources/cuda

# The second opinion: another compiler, all warnings, no spills.
nvcc="$(echo "$tools"/13/lib/python3*/site-packages/nvidia/cu13)/bin"
for arch in sm_80 sm_86 sm_89 sm_90; do
    PATH="$nvcc:$PATH" nvcc -cubin -arch="$arch" -std=c++17 -fmad=false -Werror all-warnings -Xptxas -v,--warn-on-spills \
        kernels.cu -o /dev/null 2> "$tools/nvcc-$arch.log" || { cat "$tools/nvcc-$arch.log"; exit 1; }
    if grep -E "[1-9][0-9]* bytes spill" "$tools/nvcc-$arch.log"; then exit 1; fi
done
echo "nvcc 13.0 agrees for sm_80, sm_86, sm_89, sm_90"
