// SPDX-License-Identifier: Apache-2.0
// JNI entry points of CpuNative.java: unpack arguments, cut the work into chunks, run them on the pool. Addresses come as
// longs; sizes were checked in Java.
#include <jni.h>
#include <string.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "kernels.h"
#include "memory.h"
#include "pool.h"

using namespace millrace;

namespace {

const Kernels* kernels = nullptr;
// Never destroyed: workers may outlive static destructors at the process's exit.
Pool* const pool = new Pool();

// Rows of work below which an operation is not worth a second thread, in elements.
constexpr long kElementsPerChunk = 16384;

template <typename T>
T* at(jlong address) {
    return reinterpret_cast<T*>(address);
}

int rowsPerChunk(int rows, long width) {
    const long wanted = kElementsPerChunk / (width > 0 ? width : 1);
    return (int)(wanted < 1 ? 1 : wanted > rows ? rows : wanted);
}

int chunks(int rows, int perChunk) { return (rows + perChunk - 1) / perChunk; }

void run(JNIEnv* env, Pool::Chunk chunk, const void* args, int chunks, size_t scratchBytes = 0) {
    FloatMode mode;
    try {
        pool->run(chunk, args, chunks, scratchBytes);
    } catch (const std::bad_alloc&) {
        const std::string message = "no native memory for a thread's scratch: bytes=" + std::to_string(scratchBytes);
        env->ThrowNew(env->FindClass("java/lang/OutOfMemoryError"), message.c_str());
    }
}

void runRows(JNIEnv* env, Pool::Chunk chunk, RowsArgs& args) {
    args.rowsPerChunk = rowsPerChunk(args.rows, args.width);
    run(env, chunk, &args, chunks(args.rows, args.rowsPerChunk));
}

// Throws unless all of `count` row numbers are in [0, limit).
bool areRows(JNIEnv* env, const int32_t* indices, int count, int limit) {
    for (int i = 0; i < count; i++) {
        if (indices[i] < 0 || indices[i] >= limit) {
            const std::string message =
                "row=" + std::to_string(indices[i]) + ", must be in [0, " + std::to_string(limit) + ")";
            env->ThrowNew(env->FindClass("java/lang/IndexOutOfBoundsException"), message.c_str());
            return false;
        }
    }
    return true;
}

// KvPageDescriptor in the order of CpuKernels.pageArgs.
constexpr int kPageLongs = 9;

PageLayout pageLayout(JNIEnv* env, jlongArray array) {
    jlong a[kPageLongs];
    env->GetLongArrayRegion(array, 0, kPageLongs, a);
    return {(KvType)a[0], (int)a[1], (int)a[2], (int)a[3], (int)a[4], (int)a[5], (int)a[6], (int)a[7], (int)a[8]};
}

// CacheView in the order of CpuKernels.cacheArgs.
CacheArgs cacheArgs(JNIEnv* env, jlongArray array) {
    constexpr int kLongs = 11;
    jlong a[kLongs];
    env->GetLongArrayRegion(array, kPageLongs, kLongs, a);
    CacheArgs c;
    c.page = pageLayout(env, array);
    c.pool = at<uint8_t>(a[0]);
    c.rows = at<int32_t>(a[1]);
    c.sequences = at<int32_t>(a[2]);
    c.heads = at<int32_t>(a[3]);
    c.entries = at<int32_t>(a[4]);
    c.faults = at<int32_t>(a[5]);
    c.scores = at<float>(a[6]);
    c.numRows = (int)a[7];
    c.numSequences = (int)a[8];
    c.numKvHeads = (int)a[9];
    c.numHeads = (int)a[10];
    return c;
}

// The profile of a step in the order of ProfiledTurn.write; `statistics` holds `longs` of all layers. Empty, with an exception
// pending, where an area lies outside.
std::vector<Turn> turns(
    JNIEnv* env, const CacheArgs& c, int layer, const int32_t* sequences, int64_t* statistics, int64_t longs) {
    std::vector<Turn> turns((size_t)c.numSequences);
    for (int s = 0; s < c.numSequences; s++) {
        const int32_t* v = sequences + (size_t)s * Turn::kInts;
        if (v[0] == 0) continue;
        Turn t{};
        t.profiled = true;
        t.firstColumn = v[1];
        t.columns = v[2];
        t.firstSumRow = v[3];
        t.peakDistance = v[4];
        t.firstPeakRow = v[5];
        t.firstMassRow = v[6];
        t.lanes = v[7];
        t.numWindows = v[8];
        memcpy(t.windows, v + 9, sizeof t.windows);
        t.peak = t.firstSumRow == INT32_MAX ? 0 : t.columns;
        t.far = t.peak + (t.peakDistance < 0 ? 0 : t.columns);
        t.near = t.far + (size_t)t.numWindows * t.lanes * t.columns;
        t.frozen = t.near + (size_t)t.numWindows * t.lanes;
        t.areaLongs = t.frozen + (t.numWindows == 0 ? 0 : t.lanes);
        const int64_t offset = (int64_t)v[14] << 32 | (uint32_t)v[13];
        const int64_t first = offset + (int64_t)layer * c.numKvHeads * (int64_t)t.areaLongs;
        const int64_t end = first + c.numKvHeads * (int64_t)t.areaLongs;
        const bool hasLanes = t.lanes == 1 || t.lanes == c.numHeads / c.numKvHeads;
        const bool hasWindows = t.numWindows >= 0 && t.numWindows <= Turn::kMaxWindows;
        if (!hasLanes || !hasWindows || offset < 0 || end > longs || (int64_t)t.areaLongs != v[15]) {
            const std::string message =
                "bad profile: sequence=" + std::to_string(s) + ", lanes=" + std::to_string(t.lanes) + ", windows=" +
                std::to_string(t.numWindows) + ", end=" + std::to_string(end) + ", longs=" + std::to_string(longs);
            env->ThrowNew(env->FindClass("java/lang/IndexOutOfBoundsException"), message.c_str());
            return {};
        }
        t.areas = statistics + first;
        turns[s] = t;
    }
    return turns;
}

// What is measured of a row at `position`.
int measures(const Turn& turn, int position) {
    if (!turn.profiled || position < turn.firstColumn) return 0;
    const bool sum = turn.firstSumRow != INT32_MAX && position >= turn.firstSumRow;
    const bool peak = turn.peakDistance >= 0 && position >= turn.firstPeakRow;
    const bool mass = turn.numWindows > 0 && position >= turn.firstMassRow;
    return (sum ? kMeasureSum : 0) | (peak ? kMeasurePeak : 0) | (mass ? kMeasureMass : 0);
}

// Work of one layer's attention: per sequence and KV head, blocks of rows of which the same is measured; fewer query heads an
// item where that leaves threads idle, down to as many as share one reading of the keys. Scores need all query heads at once.
std::vector<AttentionItem> attentionItems(const CacheArgs& c, const Turn* turns, int threads) {
    constexpr int kRowsPerItem = 8;
    const int group = c.numHeads / c.numKvHeads;
    int count = 0;
    for (int s = 0; s < c.numSequences; s++) {
        count += c.numKvHeads * chunks(c.sequences[2 * s + 1], kRowsPerItem);
    }
    const int fewHeads = count < 2 * threads && group > kQueries ? kQueries : group;
    std::vector<AttentionItem> items;
    items.reserve((size_t)count * chunks(group, fewHeads));
    for (int s = 0; s < c.numSequences; s++) {
        const auto measured = [&](int row) { return turns == nullptr ? 0 : measures(turns[s], c.rows[2 * row + 1]); };
        const int first = c.sequences[2 * s];
        // Later rows see more: the longest items first.
        for (int end = first + c.sequences[2 * s + 1], row; end > first; end = row) {
            const int what = measured(end - 1);
            row = end - 1;
            while (row > first && end - row < kRowsPerItem && measured(row - 1) == what) row--;
            for (int kvHead = 0; kvHead < c.numKvHeads; kvHead++) {
                const int mode = c.heads[4 * (s * c.numKvHeads + kvHead) + 3];
                const int step = mode == kScoreNone ? fewHeads : group;
                for (int i = 0; i < group; i += step) {
                    const int heads = group - i < step ? group - i : step;
                    items.push_back({s, kvHead, row, end - row, kvHead * group + i, heads, what});
                }
            }
        }
    }
    return items;
}

// Most tiles in a list of one head. Positions ascend, so each border between reduction blocks splits at most one tile.
int maxTiles(const CacheArgs& c) {
    int most = 0;
    for (int s = 0; s < c.numSequences; s++) {
        const int lastRow = c.sequences[2 * s] + c.sequences[2 * s + 1] - 1;
        const int borders = lastRow < 0 ? 0 : c.rows[2 * lastRow + 1] >> kReductionShift;
        for (int h = 0; h < c.numKvHeads; h++) {
            const int pages = c.heads[4 * (s * c.numKvHeads + h) + 1];
            const int tiles = pages * (kPageSlots / kTileRows) + borders;
            most = tiles > most ? tiles : most;
        }
    }
    return most;
}

}  // namespace

#define MILLRACE_JNI(type, name) \
    extern "C" JNIEXPORT type JNICALL Java_org_millrace_engine_kernels_cpu_CpuNative_##name

MILLRACE_JNI(jint, supportedLevel)(JNIEnv*, jclass) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) {
        return 0;
    }
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vnni");
    return wide ? 2 : 1;
}

// With its class loader the library goes, and no worker may be running its code then.
extern "C" JNIEXPORT void JNICALL JNI_OnUnload(JavaVM*, void*) { pool->resize(1); }

MILLRACE_JNI(void, start)(JNIEnv*, jclass, jint level, jint threads) {
    kernels = level == 2 ? &kAvx512Kernels : &kAvx2Kernels;
    pool->resize(threads);
}

MILLRACE_JNI(jlong, allocate)(JNIEnv*, jclass, jlong bytes) { return (jlong)allocateMemory((size_t)bytes); }

MILLRACE_JNI(void, free)(JNIEnv*, jclass, jlong address, jlong bytes) {
    freeMemory(at<void>(address), (size_t)bytes);
}

MILLRACE_JNI(void, discard)(JNIEnv*, jclass, jlong address, jlong bytes) {
    discardMemory(at<void>(address), (size_t)bytes);
}

MILLRACE_JNI(void, write)(JNIEnv* env, jclass, jlong address, jobject source, jint from, jint length) {
    memcpy(at<void>(address), (const char*)env->GetDirectBufferAddress(source) + from, (size_t)length);
}

MILLRACE_JNI(void, read)(JNIEnv* env, jclass, jlong address, jobject target, jint from, jint length) {
    memcpy((char*)env->GetDirectBufferAddress(target) + from, at<void>(address), (size_t)length);
}

MILLRACE_JNI(void, writeArray)(JNIEnv* env, jclass, jlong address, jbyteArray source, jint from, jint length) {
    env->GetByteArrayRegion(source, from, length, at<jbyte>(address));
}

MILLRACE_JNI(void, readArray)(JNIEnv* env, jclass, jlong address, jbyteArray target, jint from, jint length) {
    env->SetByteArrayRegion(target, from, length, at<jbyte>(address));
}

MILLRACE_JNI(jlong, newMatrix)(
    JNIEnv*, jclass, jlong data, jlong blockBytes, jlong tileBytes, jint rows, jint columns, jint type, jint flags,
    jboolean usesCodes) {
    return (jlong) new (std::nothrow) Matrix{at<uint8_t>(data), (size_t)blockBytes, (size_t)tileBytes, rows,
                                             columns,           (WeightType)type,   flags,             usesCodes != 0};
}

MILLRACE_JNI(void, freeMatrix)(JNIEnv*, jclass, jlong matrix) { delete at<Matrix>(matrix); }

MILLRACE_JNI(void, embed)(JNIEnv* env, jclass, jlong table, jlong tokens, jint rows, jlong out) {
    EmbedArgs args{at<Matrix>(table), at<int32_t>(tokens), at<float>(out), rows};
    if (!areRows(env, args.tokens, rows, args.table->rows)) return;
    run(env, kernels->embed, &args, rows);
}

MILLRACE_JNI(void, rmsNorm)(JNIEnv* env, jclass, jlong x, jlong weight, jfloat eps, jint rows, jint width, jlong out) {
    RowsArgs args{};
    args.x = at<float>(x);
    args.y = at<float>(weight);
    args.out = at<float>(out);
    args.eps = eps;
    args.rows = rows;
    args.width = width;
    runRows(env, kernels->rmsNorm, args);
}

MILLRACE_JNI(void, quantize)(JNIEnv* env, jclass, jlong x, jint rows, jint width, jlong codes, jlong scales, jlong sums) {
    RowsArgs args{};
    args.x = at<float>(x);
    args.codes = at<int8_t>(codes);
    args.scales = at<float>(scales);
    args.sums = at<int32_t>(sums);
    args.rows = rows;
    args.width = width;
    runRows(env, kernels->quantize, args);
}

MILLRACE_JNI(void, matmul)(
    JNIEnv* env, jclass, jlong values, jlong codes, jlong scales, jlong sums, jint rows, jint count, jlong matrix0,
    jlong out0, jlong matrix1, jlong out1, jlong matrix2, jlong out2, jlong matrix3, jlong out3) {
    MatmulArgs args{};
    args.values = at<float>(values);
    args.codes = at<int8_t>(codes);
    args.scales = at<float>(scales);
    args.sums = at<int32_t>(sums);
    args.rows = rows;
    args.numMatrices = count;
    const jlong matrices[] = {matrix0, matrix1, matrix2, matrix3};
    const jlong outs[] = {out0, out1, out2, out3};
    for (int i = 0; i < count; i++) {
        args.matrices[i] = at<Matrix>(matrices[i]);
        args.outs[i] = at<float>(outs[i]);
        args.firstTile[i + 1] = args.firstTile[i] + (args.matrices[i]->rows + kTileRows - 1) / kTileRows;
    }
    args.columns = args.matrices[0]->columns;
    const int tiles = args.firstTile[count];
    // Some 16 chunks a thread, so that one which the system holds back is made up for by the others.
    const int perChunk = tiles / (16 * pool->threads());
    args.tilesPerChunk = perChunk < 1 ? 1 : perChunk;
    // A dequantised tile.
    const size_t scratchBytes = sizeof(float) * kTileRows * (size_t)args.columns;
    run(env, kernels->matmul, &args, chunks(tiles, args.tilesPerChunk), scratchBytes);
}

MILLRACE_JNI(void, rotate)(
    JNIEnv* env, jclass, jlong rows, jint count, jlong table, jint dimensions, jint headDim, jint heads, jlong x) {
    const RotateArgs args{at<int32_t>(rows), at<float>(table), dimensions, headDim, heads, at<float>(x)};
    run(env, kernels->rotate, &args, count);
}

MILLRACE_JNI(void, ropeAndStore)(
    JNIEnv* env, jclass, jlongArray cache, jlong queryTable, jlong keyTable, jint dimensions, jlong q, jlong k, jlong v) {
    StoreArgs args{cacheArgs(env, cache), at<float>(queryTable), at<float>(keyTable), dimensions,
                   at<float>(q),          at<float>(k),          at<float>(v)};
    // A converted key or value, of at most two bytes an element, in whole vectors.
    const size_t scratchBytes = aligned(sizeof(int16_t) * (size_t)args.cache.page.headDim);
    run(env, kernels->ropeAndStore, &args, args.cache.numRows, scratchBytes);
}

MILLRACE_JNI(void, attention)(
    JNIEnv* env, jclass, jlongArray cache, jint layer, jfloat scale, jint window, jfloat softCap, jlong sinks, jlong profile,
    jlong statistics, jlong longs, jlong q, jlong out) {
    AttentionArgs args{};
    args.cache = cacheArgs(env, cache);
    args.scale = scale;
    args.window = window;
    args.softCap = softCap;
    args.sinks = at<float>(sinks);
    args.q = at<float>(q);
    args.out = at<float>(out);
    const CacheArgs& c = args.cache;
    std::vector<Turn> profiled;
    std::vector<int32_t> locks;
    if (profile != 0) {
        profiled = turns(env, c, layer, at<int32_t>(profile), at<int64_t>(statistics), longs);
        if (env->ExceptionCheck()) return;
        locks.resize((size_t)c.numSequences * c.numKvHeads);
        args.turns = profiled.data();
        args.areaLocks = locks.data();
        for (const Turn& turn : profiled) args.maxBuckets = std::max(args.maxBuckets, (turn.numWindows + 1) * turn.lanes);
    }
    const std::vector<AttentionItem> items = attentionItems(c, args.turns, pool->threads());
    args.items = items.data();
    args.maxTiles = maxTiles(c);
    const AttentionScratch scratch(c.page, args.maxTiles, args.maxBuckets);
    run(env, kernels->attention, &args, (int)items.size(), scratch.bytes);
}

MILLRACE_JNI(void, moveSlots)(
    JNIEnv* env, jclass, jlongArray page, jlong pool, jlong scores, jlong moves, jint count) {
    if (count < 1) return;
    MoveArgs args{pageLayout(env, page), at<uint8_t>(pool), at<float>(scores), at<int32_t>(moves), count, 0};
    args.movesPerChunk = rowsPerChunk(count, 2 * args.page.headDim);
    run(env, kernels->moveSlots, &args, chunks(count, args.movesPerChunk));
}

static PackArgs packArgs(JNIEnv* env, jlongArray page, jlong pool, jlong slots, jint count, jlong packed, jint slotBytes) {
    return {pageLayout(env, page), at<uint8_t>(pool), at<int32_t>(slots), at<uint8_t>(packed), slotBytes, count,
            rowsPerChunk(count, slotBytes)};
}

MILLRACE_JNI(void, packSlots)(
    JNIEnv* env, jclass, jlongArray page, jlong pool, jlong slots, jint count, jlong out, jint slotBytes) {
    if (count < 1) return;
    const PackArgs args = packArgs(env, page, pool, slots, count, out, slotBytes);
    run(env, kernels->packSlots, &args, chunks(count, args.slotsPerChunk));
}

MILLRACE_JNI(void, unpackSlots)(
    JNIEnv* env, jclass, jlongArray page, jlong packed, jint slotBytes, jlong slots, jint count, jlong pool) {
    if (count < 1) return;
    const PackArgs args = packArgs(env, page, pool, slots, count, packed, slotBytes);
    run(env, kernels->unpackSlots, &args, chunks(count, args.slotsPerChunk));
}

MILLRACE_JNI(void, gatedProduct)(JNIEnv* env, jclass, jint function, jlong gate, jlong up, jint count, jlong out) {
    RowsArgs args{};
    args.x = at<float>(gate);
    args.y = at<float>(up);
    args.out = at<float>(out);
    args.rows = count;
    args.width = 1;
    runRows(env, kernels->gatedProduct[function], args);
}

MILLRACE_JNI(void, add)(JNIEnv* env, jclass, jlong x, jlong y, jint count) {
    RowsArgs args{};
    args.out = at<float>(x);
    args.x = at<float>(y);
    args.rows = count;
    args.width = 1;
    runRows(env, kernels->add, args);
}

MILLRACE_JNI(void, addBias)(JNIEnv* env, jclass, jlong x, jlong bias, jint rows, jint width) {
    RowsArgs args{};
    args.out = at<float>(x);
    args.y = at<float>(bias);
    args.rows = rows;
    args.width = width;
    runRows(env, kernels->addBias, args);
}

MILLRACE_JNI(void, scale)(JNIEnv* env, jclass, jlong x, jfloat factor, jint count) {
    RowsArgs args{};
    args.out = at<float>(x);
    args.factor = factor;
    args.rows = count;
    args.width = 1;
    runRows(env, kernels->scale, args);
}

MILLRACE_JNI(void, softCap)(JNIEnv* env, jclass, jlong x, jfloat cap, jint count) {
    RowsArgs args{};
    args.out = at<float>(x);
    args.factor = cap;
    args.rows = count;
    args.width = 1;
    runRows(env, kernels->softCap, args);
}

MILLRACE_JNI(void, gatherRows)(
    JNIEnv* env, jclass, jlong x, jint rows, jlong indices, jint count, jint width, jlong out) {
    if (!areRows(env, at<int32_t>(indices), count, rows)) return;
    for (int i = 0; i < count; i++) {
        memcpy(at<float>(out) + (size_t)i * width, at<float>(x) + (size_t)at<int32_t>(indices)[i] * width,
               sizeof(float) * (size_t)width);
    }
}

MILLRACE_JNI(void, argmax)(JNIEnv* env, jclass, jlong x, jint rows, jint width, jlong out) {
    RowsArgs args{};
    args.x = at<float>(x);
    args.indices = at<int32_t>(out);
    args.rows = rows;
    args.width = width;
    run(env, kernels->argmax, &args, rows);
}
