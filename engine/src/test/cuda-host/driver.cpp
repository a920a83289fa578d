// SPDX-License-Identifier: Apache-2.0
// A stand-in for libcuda.so.1 with one device, whose kernels are the host twins in libmillrace-cuda-host.so beside this library. Calls
// are synchronous: a launch has run when it returns.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "launch.h"
#include "memory.h"

namespace {

enum Result {
    kSuccess = 0,
    kInvalidValue = 1,
    kOutOfMemory = 2,
    kInvalidDevice = 101,
    kInvalidImage = 200,
    kInvalidHandle = 400,
    kNotFound = 500,
    kLaunchFailed = 719,
    kNotWhileCapturing = 900,
};

enum Attribute {
    kMaxThreadsPerBlock = 1,
    kClockRate = 13,
    kMultiprocessors = 16,
    kMemoryClockRate = 36,
    kMemoryBusWidth = 37,
    kCapabilityMajor = 75,
    kCapabilityMinor = 76,
};

std::mutex lock;
void* kernels;  // the library of host twins
std::string failure;
char handle;  // what contexts and streams point to
uint8_t* snapshot;  // device memory that cuModuleGetGlobal hands out

// A launch with its own copy of the kernel's structure.
struct Launch {
    std::string name;
    emulation::Kernel kernel;
    uint3 grid;
    uint3 block;
    std::vector<uint8_t> arguments;
};

struct Function {
    std::string name;
    emulation::Kernel kernel;
    unsigned argumentBytes;
};

using Graph = std::vector<Launch>;

struct Executable {
    Graph launches;
    void* memory;  // of the device
};

int devices = 1;  // that there seem to be; they share one memory
std::map<std::string, Function> functions;
Graph* captured;  // null: launches run at once

std::string kernelsPath() {
    Dl_info self;
    dladdr((void*)&kernelsPath, &self);
    std::string path = self.dli_fname;
    return path.substr(0, path.rfind('/') + 1) + "libmillrace-cuda-host.so";
}

emulation::SharedSection sharedSection() {
    using Region = void (*)(char**, char**);
    emulation::SharedSection section{};
    if (auto region = (Region)dlsym(kernels, "emulatedSharedSection")) region(&section.begin, &section.end);
    return section;
}

int run(const Launch& launch) {
    void* parameters[] = {(void*)launch.arguments.data()};
    const char* error = emulation::launch(launch.kernel, launch.grid, launch.block, sharedSection(), parameters);
    if (error == nullptr) return kSuccess;
    failure = launch.name + ": " + error;
    return kLaunchFailed;
}

}  // namespace

extern "C" {

int cuInit(unsigned) { return kSuccess; }

int cuDriverGetVersion(int* version) {
    *version = 12060;
    return kSuccess;
}

int cuDeviceGetCount(int* count) {
    *count = devices;
    return kSuccess;
}

int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal >= 0 && ordinal < devices ? kSuccess : kInvalidDevice;
}

int cuDeviceGetName(char* name, int length, int device) {
    if (device == 0) {
        snprintf(name, (size_t)length, "host emulation");
    } else {
        snprintf(name, (size_t)length, "host emulation %d", device);
    }
    return kSuccess;
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case kMaxThreadsPerBlock: *value = 1024; return kSuccess;
        case kMultiprocessors: *value = 4; return kSuccess;
        case kClockRate: *value = 1000; return kSuccess;
        case kMemoryClockRate: *value = 1000; return kSuccess;
        case kMemoryBusWidth: *value = 64; return kSuccess;
        case kCapabilityMajor: *value = 8; return kSuccess;
        case kCapabilityMinor: *value = 0; return kSuccess;
        default: return kInvalidValue;
    }
}

int cuDevicePrimaryCtxRetain(void** context, int) {
    *context = &handle;
    return kSuccess;
}

int cuDevicePrimaryCtxRelease_v2(int) { return kSuccess; }
int cuCtxSetCurrent(void*) { return kSuccess; }

int cuStreamCreate(void** stream, unsigned) {
    *stream = &handle;
    return kSuccess;
}

int cuStreamDestroy_v2(void*) { return kSuccess; }
int cuStreamSynchronize(void*) { return captured == nullptr ? kSuccess : kNotWhileCapturing; }

// An event is the time of its record: everything before it has run.
int cuEventCreate(void** event, unsigned) {
    *event = new timespec();
    return kSuccess;
}

int cuEventDestroy_v2(void* event) {
    delete (timespec*)event;
    return kSuccess;
}

int cuEventRecord(void* event, void*) {
    clock_gettime(CLOCK_MONOTONIC, (timespec*)event);
    return kSuccess;
}

int cuEventElapsedTime(float* millis, void* begin, void* end) {
    const auto* from = (const timespec*)begin;
    const auto* to = (const timespec*)end;
    *millis = (float)((double)(to->tv_sec - from->tv_sec) * 1e3 + (double)(to->tv_nsec - from->tv_nsec) / 1e6);
    return kSuccess;
}

int cuStreamBeginCapture_v2(void*, int) {
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    captured = new Graph();
    return kSuccess;
}

int cuStreamEndCapture(void*, void** graph) {
    std::lock_guard<std::mutex> held(lock);
    if (captured == nullptr) return kInvalidValue;
    *graph = captured;
    captured = nullptr;
    return kSuccess;
}

// Takes a page of the device's memory.
int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
    std::lock_guard<std::mutex> held(lock);
    void* memory = emulation::allocate(1);
    if (memory == nullptr) return kOutOfMemory;
    *executable = new Executable{*(const Graph*)graph, memory};
    return kSuccess;
}

int cuGraphLaunch(void* executable, void*) {
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    emulation::counters.launches++;
    emulation::counters.graphs++;
    for (const Launch& launch : ((const Executable*)executable)->launches) {
        if (const int result = run(launch); result != kSuccess) return result;
    }
    return kSuccess;
}

int cuGraphDestroy(void* graph) {
    delete (Graph*)graph;
    return kSuccess;
}

int cuGraphExecDestroy(void* executable) {
    std::lock_guard<std::mutex> held(lock);
    emulation::release(((Executable*)executable)->memory);
    delete (Executable*)executable;
    return kSuccess;
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
    std::lock_guard<std::mutex> held(lock);
    *free = emulation::freeBytes();
    *total = emulation::totalBytes();
    return kSuccess;
}

int cuMemAlloc_v2(void** at, size_t bytes) {
    if (bytes == 0) return kInvalidValue;
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    *at = emulation::allocate(bytes);
    return *at == nullptr ? kOutOfMemory : kSuccess;
}

int cuMemFree_v2(void* at) {
    std::lock_guard<std::mutex> held(lock);
    return emulation::release(at) ? kSuccess : kInvalidValue;
}

int cuMemHostAlloc(void** at, size_t bytes, unsigned) {
    *at = malloc(bytes);
    return *at == nullptr ? kOutOfMemory : kSuccess;
}

int cuMemFreeHost(void* at) {
    free(at);
    return kSuccess;
}

int cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, void*) {
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    if (emulation::find(to, bytes) == nullptr) return kInvalidValue;
    memcpy(to, from, bytes);
    emulation::counters.bytesToDevice += bytes;
    return kSuccess;
}

int cuMemcpyDtoHAsync_v2(void* to, const void* from, size_t bytes, void*) {
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    if (emulation::find(from, bytes) == nullptr) return kInvalidValue;
    memcpy(to, from, bytes);
    emulation::counters.bytesToHost += bytes;
    return kSuccess;
}

int cuMemcpyDtoH_v2(void* to, const void* from, size_t bytes) { return cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr); }

int cuMemsetD8Async(void* at, unsigned char value, size_t bytes, void*) {
    std::lock_guard<std::mutex> held(lock);
    if (captured != nullptr) return kNotWhileCapturing;
    if (emulation::find(at, bytes) == nullptr) return kInvalidValue;
    memset(at, value, bytes);
    return kSuccess;
}

// The image is only looked at: the host twins run in its place.
int cuModuleLoadData(void** module, const void* image) {
    std::lock_guard<std::mutex> held(lock);
    if (memcmp(image, "\177ELF", 4) != 0) return kInvalidImage;
    if (kernels == nullptr) kernels = dlopen(kernelsPath().c_str(), RTLD_NOW);
    if (kernels == nullptr) {
        fprintf(stderr, "%s\n", dlerror());
        return kNotFound;
    }
    // Now, because there may be no memory later.
    if (snapshot == nullptr) snapshot = (uint8_t*)emulation::allocate(sizeof(emulation::Counters));
    if (snapshot == nullptr) return kOutOfMemory;
    *module = kernels;
    return kSuccess;
}

int cuModuleUnload(void*) { return kSuccess; }

int cuModuleGetFunction(void** function, void* module, const char* name) {
    std::lock_guard<std::mutex> held(lock);
    const std::string prefix = std::string(name) + "__";
    auto* kernel = (emulation::Kernel)dlsym(module, (prefix + "host").c_str());
    auto* bytes = (const unsigned*)dlsym(module, (prefix + "bytes").c_str());
    if (kernel == nullptr || bytes == nullptr) return kNotFound;
    *function = &(functions[name] = {name, kernel, *bytes});
    return kSuccess;
}

// "emulation" names a copy of the counters; "emulation:ADDRESS" (hexadecimal) bytes read and written of one allocation. "emulation=BYTES"
// (hexadecimal) leaves so much memory free, 0 all of the device. "emulation#N" makes it N devices.
int cuModuleGetGlobal_v2(void** at, size_t* bytes, void*, const char* name) {
    std::lock_guard<std::mutex> held(lock);
    if (strncmp(name, "emulation", 9) != 0) return kNotFound;
    if (name[9] == '=') {
        emulation::leaveFree(strtoull(name + 10, nullptr, 16));
        return kSuccess;
    }
    if (name[9] == '#') {
        devices = atoi(name + 10);
        return kSuccess;
    }
    *at = snapshot;
    if (name[9] == 0) {
        memcpy(snapshot, &emulation::counters, *bytes = sizeof(emulation::Counters));
        return kSuccess;
    }
    const emulation::Allocation* allocation = emulation::find((void*)strtoull(name + 10, nullptr, 16), 1);
    if (allocation == nullptr) return kNotFound;
    memcpy(snapshot, &allocation->bytesRead, *bytes = 2 * sizeof(uint64_t));
    return kSuccess;
}

int cuLaunchKernel(
    void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ, unsigned,
    void*, void** parameters, void**) {
    std::lock_guard<std::mutex> held(lock);
    if (function == nullptr) return kInvalidHandle;
    if (gridX == 0 || gridY == 0 || gridZ == 0 || blockX == 0 || blockX > 1024 || blockY != 1 || blockZ != 1) return kInvalidValue;
    const auto& [name, kernel, bytes] = *(const Function*)function;
    const auto* arguments = (const uint8_t*)parameters[0];
    const Launch launch{name, kernel, {gridX, gridY, gridZ}, {blockX, 1, 1}, {arguments, arguments + bytes}};
    if (captured != nullptr) {
        captured->push_back(launch);
        return kSuccess;
    }
    emulation::counters.launches++;
    return run(launch);
}

int cuGetErrorName(int error, const char** name) {
    switch (error) {
        case kOutOfMemory: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return kSuccess;
        case kNotFound: *name = "CUDA_ERROR_NOT_FOUND"; return kSuccess;
        case kNotWhileCapturing: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; return kSuccess;
        case kLaunchFailed: *name = "CUDA_ERROR_LAUNCH_FAILED"; return kSuccess;
        default: *name = "CUDA_ERROR"; return kSuccess;
    }
}

int cuGetErrorString(int error, const char** text) {
    *text = error == kLaunchFailed ? failure.c_str() : "see the error's name";
    return kSuccess;
}

}  // extern "C"
