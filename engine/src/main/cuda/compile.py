"""Compiles kernels.cu with NVRTC: compile.py VENV OUTPUT. Called by compile.sh."""

import ctypes
import gzip
import hashlib
import pathlib
import re
import sys

# PTX is for newer generations where there is no NVRTC at start.
SHIPPED = {"sm_80": "cubin", "sm_86": "cubin", "sm_89": "cubin", "sm_90": "cubin", "compute_80": "ptx"}
FLAGS = ["--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--ptxas-options=-v", "-I."]


def compile_kernels(nvrtc, arch):
    """Image and compiler log for one architecture."""
    program = ctypes.c_void_p()
    source = pathlib.Path("kernels.cu").read_bytes()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 0, None, None)
    flags = [f.encode() for f in [*FLAGS, "--gpu-architecture=" + arch]]
    result = nvrtc.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
    log = fetch(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program).decode()
    if result != 0 or "warning" in log:
        sys.exit(arch + ":\n" + log)
    if arch.startswith("sm_"):
        return fetch(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program), log
    return fetch(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program), log


def fetch(get_size, get, program):
    size = ctypes.c_size_t()
    get_size(program, ctypes.byref(size))
    data = ctypes.create_string_buffer(size.value)
    get(program, data)
    return data.raw


def rows(arch, log):
    """Registers, shared memory and spills of each kernel: what ptxas says of it, in the order of names."""
    pattern = (
        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
        r".*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?"
    )
    for name, stack, stores, loads, registers, shared in re.findall(pattern, log, re.DOTALL):
        yield f"{name},{arch},{registers},{shared or 0},{stack},{int(stores) + int(loads)}"


def main(venv, output):
    library = next(pathlib.Path(venv).glob("lib/python3*/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"))
    nvrtc = ctypes.CDLL(str(library))
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    table = []
    for arch, kind in SHIPPED.items():
        image, log = compile_kernels(nvrtc, arch)
        table += rows(arch, log)
        (output / f"millrace-{arch}.{kind}.gz").write_bytes(gzip.compress(image, 9, mtime=0))
    header = "kernel,architecture,registers,sharedBytes,stackBytes,spillBytes"
    (output / "kernels.csv").write_text("\n".join([header, *sorted(table)]) + "\n")
    hashes = [
        hashlib.sha256(source.read_bytes()).hexdigest() + "  " + source.name
        for source in sorted(pathlib.Path(".").glob("*.cu*"))
    ]
    (output / "sources.sha256").write_text("\n".join(hashes) + "\n")


main(sys.argv[1], sys.argv[2])
