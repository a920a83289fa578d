// Draws tokens: repetition penalty, temperature, top-k, top-p, min-p, then one draw; Sampler.java. logits float[][width]; scaled
// float[requests][width] is scratch; seen int[], ids that the penalty applies to. One thread block a request.
// Candidates are ordered by scaled logit descending, id ascending, as ascending keys of 64 bits; a prefix of them is named by its last key.
// Weights are integers, exp(t - largest) * 2^30. What is looked for is always the first key up to which counts or weights add up to a number: eight
// passes, each a histogram of the next 8 bits of the key. Sums of integers and maxima only, in any order.
// Versions: 1, this one: every pass reads the whole row, out of the second-level cache. Not yet: passes over the few candidates within reach.
#include "device.cuh"

using Weight = unsigned long long;
using Key = unsigned long long;

struct SampleRequest {
    int row;
    float penalty;
    float temperature;  // 0: the best candidate
    int topK;  // 0: all
    float topP;
    float minP;
    int firstSeen;
    int seen;
    Weight random;  // 63 bits
    int logprob;  // 1: `total`, `largest` and `logit` are wanted
    int padding;
};

struct Drawn {
    Weight total;  // of all weights of the logits themselves
    float largest;  // of them
    float logit;  // of the token
    int id;
    int padding;
};

struct SampleArguments {
    const float* logits;
    float* scaled;
    const SampleRequest* requests;
    const int* seen;
    Drawn* out;
    int width;
};

constexpr int kSampleThreads = 512;
constexpr int kDigits = 256;
constexpr float kReach = 22.f;  // farther from the largest a weight is 0
constexpr Key kAllKeys = ~0ull;

struct SampleMemory {
    Weight sums[kDigits];
    Weight total;
    Key least;
    Key prefix;
    float largest[kSampleThreads / kWarp];
};

static __device__ __forceinline__ Weight weightOf(float t, float largest) {
    return (Weight)__double2ll_rn((double)expOf(t - largest) * 0x1p30);
}

// Both zeros are the same.
static __device__ __forceinline__ Key keyOf(float t, int id) {
    const int bits = __float_as_int(t + 0.f);
    const int ordered = bits < 0 ? bits ^ 0x7FFFFFFF : bits;
    return (Key)((unsigned)~ordered ^ 0x80000000u) << 32 | (unsigned)id;
}

static __device__ __forceinline__ float largestOf(const float* t, int width, SampleMemory& memory) {
    float largest = t[0];
    for (int i = (int)threadIdx.x; i < width; i += (int)blockDim.x) largest = t[i] > largest ? t[i] : largest;
    largest = warpMax(largest);
    __syncthreads();
    if (laneOf() == 0) memory.largest[warpOf()] = largest;
    __syncthreads();
    for (int w = 0; w < (int)blockDim.x / kWarp; w++) largest = memory.largest[w] > largest ? memory.largest[w] : largest;
    return largest;
}

// Candidates of a request: their scaled logits and how the largest lies.
struct SampleCandidates {
    const float* t;
    int width;
    float largest;

    __device__ __forceinline__ bool has(int id) const { return largest - t[id] < kReach; }

    // Sum of the weights up to a key.
    __device__ __forceinline__ Weight sum(Key last, SampleMemory& memory) const {
        __syncthreads();
        if (threadIdx.x == 0) memory.total = 0;
        __syncthreads();
        Weight own = 0;
        for (int i = (int)threadIdx.x; i < width; i += (int)blockDim.x) {
            if (has(i) && keyOf(t[i], i) <= last) own += weightOf(t[i], largest);
        }
        atomicAdd(&memory.total, own);
        __syncthreads();
        return memory.total;
    }

    // The first key up to which counts, or weights, add up to `needed`; `last` if they do not.
    __device__ __forceinline__ Key find(Key last, Weight needed, bool weights, SampleMemory& memory) const {
        Key prefix = 0;
        for (int shift = 56; shift >= 0; shift -= 8) {
            __syncthreads();
            for (int i = (int)threadIdx.x; i < kDigits; i += (int)blockDim.x) memory.sums[i] = 0;
            __syncthreads();
            for (int i = (int)threadIdx.x; i < width; i += (int)blockDim.x) {
                const Key key = keyOf(t[i], i);
                if (!has(i) || key > last || (shift < 56 && key >> (shift + 8) != prefix)) continue;
                atomicAdd(&memory.sums[key >> shift & (kDigits - 1)], weights ? weightOf(t[i], largest) : 1);
            }
            __syncthreads();
            Weight cumulated = 0;
            int digit = 0;
            for (; digit < kDigits; digit++) {
                if (cumulated + memory.sums[digit] >= needed) break;
                cumulated += memory.sums[digit];
            }
            if (digit == kDigits) return last;
            needed -= cumulated;
            prefix = prefix << 8 | (unsigned)digit;
        }
        return prefix;
    }

    // The last key before the first candidate, the best one excepted, whose weight is below `least`; `last` if there is none.
    __device__ __forceinline__ Key atLeast(Key last, double least, SampleMemory& memory) const {
        const Key best = find(last, 1, false, memory);
        __syncthreads();
        if (threadIdx.x == 0) memory.least = kAllKeys;
        __syncthreads();
        for (int i = (int)threadIdx.x; i < width; i += (int)blockDim.x) {
            const Key key = keyOf(t[i], i);
            if (has(i) && key > best && key <= last && (double)weightOf(t[i], largest) < least) atomicMin(&memory.least, key);
        }
        __syncthreads();
        return memory.least == kAllKeys ? last : memory.least - 1;
    }
};

static __device__ __forceinline__ void scale(const SampleArguments& args, const SampleRequest& request, const float* logits, float* scaled) {
    for (int i = (int)threadIdx.x; i < args.width; i += (int)blockDim.x) scaled[i] = logits[i];
    __syncthreads();
    // From the logits themselves, so that an id that comes twice is changed once.
    for (int i = (int)threadIdx.x; i < request.seen; i += (int)blockDim.x) {
        const int id = args.seen[request.firstSeen + i];
        scaled[id] = logits[id] > 0.f ? logits[id] / request.penalty : logits[id] * request.penalty;
    }
    __syncthreads();
    if (request.temperature == 0.f) return;
    for (int i = (int)threadIdx.x; i < args.width; i += (int)blockDim.x) scaled[i] /= request.temperature;
    __syncthreads();
}

static __device__ __forceinline__ Key draw(const SampleCandidates& candidates, const SampleRequest& request, SampleMemory& memory) {
    Key last = kAllKeys;
    if (request.temperature == 0.f) return candidates.find(last, 1, false, memory);
    if (request.topK > 0) last = candidates.find(last, (Weight)request.topK, false, memory);
    if (request.topP < 1.f) {
        // Totals are below 2^53, so that comparing them as doubles is comparing with the next integer.
        const double wanted = (double)request.topP * (double)candidates.sum(last, memory);
        last = candidates.find(last, (Weight)ceil(wanted), true, memory);
    }
    if (request.minP > 0.f) last = candidates.atLeast(last, (double)request.minP * 0x1p30, memory);
    const Weight threshold = __umul64hi(request.random, 2 * candidates.sum(last, memory));
    return candidates.find(last, threshold + 1, true, memory);
}

KERNEL(sample, SampleArguments, kSampleThreads) {
    __shared__ SampleMemory memory;
    const SampleRequest& request = args.requests[blockIdx.x];
    const float* logits = args.logits + (size_t)request.row * args.width;
    float* scaled = args.scaled + (size_t)blockIdx.x * args.width;
    Drawn drawn = {0, 0.f, 0.f, 0, 0};
    if (request.logprob) {
        drawn.largest = largestOf(logits, args.width, memory);
        drawn.total = SampleCandidates{logits, args.width, drawn.largest}.sum(kAllKeys, memory);
    }
    scale(args, request, logits, scaled);
    const SampleCandidates candidates{scaled, args.width, largestOf(scaled, args.width, memory)};
    drawn.id = (int)(unsigned)draw(candidates, request, memory);
    drawn.logit = logits[drawn.id];
    if (threadIdx.x == 0) args.out[blockIdx.x] = drawn;
}
