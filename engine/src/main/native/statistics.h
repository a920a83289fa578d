// SPDX-License-Identifier: Apache-2.0
// What attention leaves behind besides its outputs, from the weights of N query vectors: the integer statistics of a profiled
// turn (ProfiledTurn.java) and the scores of decode rows.
//
// An item adds up its profile by slot, in scratch memory, and in buckets of distance: bucket b holds what reached a slot over
// a distance of at least b of the turn's windows. So each number is added once, however many windows there are. At its end an
// item adds its buckets to the area of its KV head, under that area's lock.
#pragma once

#include <sched.h>

namespace millrace::MILLRACE_ISA {

struct Measured {
    int what;  // Measure bits of the item
    ScoreMode scoreMode;
    const Turn* turn;
    int windows;  // that split the buckets: those of the turn, 0 if no masses are measured
    int lanes;    // of a bucket
};

static inline const int32_t* positionsOf(const PageLayout& p, const Tile& t) {
    return (const int32_t*)(t.page + p.positions) + t.tile * kTileRows;
}

// A of 16 slots and one query vector.
template <int N>
static inline Floats shareOf(const Workspace& work, int tile, int n) {
    const size_t at = (size_t)tile * N + n;
    return div(mul(load(work.scores + at * kTileRows), broadcast(work.factors[at])), broadcast(work.totals[n]));
}

static inline int64_t* bucketOf(const Workspace& work, const Measured& m, int bucket, int lane, int tile) {
    return work.fixed + ((size_t)(bucket * m.lanes + lane) * work.count + tile) * kTileRows;
}

// Lanes that lie at least `distance` before `row`.
static inline Mask before(Ints positions, int row, int distance) {
    return ~greater(positions, broadcastInt(row - distance)) & 0xFFFF;
}

// Adds N vectors of fixed-point numbers, each at most 2^30.
template <int N>
static inline void addFixed(int64_t* sums, const Ints* fixed) {
    Longs total = loadLongs(sums);
    for (int n = 0; n + 2 <= N; n += 2) total = addUnsigned(total, add(fixed[n], fixed[n + 1]));
    if constexpr (N % 2 == 1) total = addUnsigned(total, fixed[N - 1]);
    storeLongs(sums, total);
}

// All slots of a tile in one bucket.
template <int N>
static inline void addToBucket(
    const Query* queries, const Workspace& work, const Measured& m, int bucket, int tile, const Ints* fixed) {
    if (m.lanes == 1) {
        addFixed<N>(bucketOf(work, m, bucket, 0, tile), fixed);
        return;
    }
    for (int n = 0; n < N; n++) addFixed<1>(bucketOf(work, m, bucket, queries[n].head, tile), fixed + n);
}

// Slots of a tile in buckets [from, to], by their distance from each row.
template <int N>
static inline void addToBuckets(
    const PageLayout& p, const Query* queries, const Workspace& work, const Measured& m, int from, int to, int tile,
    const Ints* fixed) {
    const Ints positions = loadInts(positionsOf(p, work.tiles[tile]));
    for (int b = from; b <= to; b++) {
        Ints inBucket[N];
        for (int n = 0; n < N; n++) {
            Mask lanes = b == 0 ? 0xFFFF : before(positions, queries[n].position, m.turn->windows[b - 1]);
            if (b < m.windows) lanes &= ~before(positions, queries[n].position, m.turn->windows[b]);
            inBucket[n] = asInts(select(lanes, asFloats(fixed[n]), zeros()));
        }
        addToBucket<N>(queries, work, m, b, tile, inBucket);
    }
}

template <int N>
static inline void raisePeaks(
    const PageLayout& p, const Query* queries, const Workspace& work, const Measured& m, int tile, const Floats* shares) {
    float* at = work.peaks + (size_t)tile * kTileRows;
    const int distance = m.turn->peakDistance;
    Floats peaks = load(at);
    if (distance == 0 || queries[0].position - work.tiles[tile].last >= distance) {
        for (int n = 0; n < N; n++) peaks = max(peaks, shares[n]);
    } else {
        const Ints positions = loadInts(positionsOf(p, work.tiles[tile]));
        for (int n = 0; n < N; n++) {
            const Mask lanes = before(positions, queries[n].position, distance);
            peaks = max(peaks, select(lanes, shares[n], zeros()));
        }
    }
    store(at, peaks);
}

// Query vectors ascend in position, and so do tiles: the buckets that a tile reaches into only fall.
template <int N>
static void addToProfile(const PageLayout& p, const Query* queries, const Workspace& work, const Measured& m) {
    const int32_t* windows = m.turn->windows;
    const int firstRow = queries[0].position;
    const int lastRow = queries[N - 1].position;
    int from = m.windows;
    int to = m.windows;
    for (int i = 0; i < work.count; i++) {
        Floats shares[N];
        Ints fixed[N];
        for (int n = 0; n < N; n++) {
            shares[n] = shareOf<N>(work, i, n);
            fixed[n] = roundToInts(mul(shares[n], broadcast(0x1p30f)));
        }
        if (m.what & kMeasurePeak) raisePeaks<N>(p, queries, work, m, i, shares);
        if (!(m.what & (kMeasureSum | kMeasureMass))) continue;
        while (to > 0 && lastRow - work.tiles[i].first < windows[to - 1]) to--;
        while (from > 0 && firstRow - work.tiles[i].last < windows[from - 1]) from--;
        if (from == to) {
            addToBucket<N>(queries, work, m, to, i, fixed);
        } else {
            addToBuckets<N>(p, queries, work, m, from, to, i, fixed);
        }
    }
}

// Adds the attention of N query heads of a decode row, or takes their largest.
template <int N>
static void addShares(const Workspace& work, ScoreMode mode) {
    for (int i = 0; i < work.count; i++) {
        float* at = work.shares + (size_t)i * kTileRows;
        Floats total = load(at);
        for (int n = 0; n < N; n++) {
            const Floats share = shareOf<N>(work, i, n);
            total = mode == kScoreSum ? add(total, share) : max(total, share);
        }
        store(at, total);
    }
}

static Measured startMeasuring(const AttentionArgs& args, const AttentionItem& item, ScoreMode scoreMode, const Workspace& work) {
    Measured m{item.measures, scoreMode, nullptr, 0, 0};
    const size_t lanes = (size_t)work.count * kTileRows;
    if (m.what != 0) {
        m.turn = args.turns + item.sequence;
        const bool masses = (m.what & kMeasureMass) != 0;
        m.windows = masses ? m.turn->numWindows : 0;
        m.lanes = masses ? m.turn->lanes : 1;
        __builtin_memset(work.fixed, 0, sizeof(int64_t) * (m.windows + 1) * m.lanes * lanes);
        __builtin_memset(work.peaks, 0, sizeof(float) * lanes);
    }
    if (scoreMode != kScoreNone) __builtin_memset(work.shares, 0, sizeof(float) * lanes);
    return m;
}

// Where the 16 slots of a tile lie among the columns of a turn.
struct Columns {
    bool dense;    // all are columns, side by side from `at[0]`
    Mask inside;   // lanes that are columns
    Mask frozen;   // live lanes before the first column
    int at[kTileRows];
};

static inline Columns columnsOf(const PageLayout& p, const Turn& turn, const Tile& tile) {
    Columns c;
    c.at[0] = tile.first - turn.firstColumn;
    c.dense = tile.live == 0xFFFF && tile.last - tile.first == kTileRows - 1 && c.at[0] >= 0 &&
              c.at[0] + kTileRows <= turn.columns;
    c.inside = c.dense ? 0xFFFF : 0;
    c.frozen = 0;
    if (c.dense) return c;
    for (Mask live = tile.live; live != 0; live &= live - 1) {
        const int lane = __builtin_ctz(live);
        c.at[lane] = positionsOf(p, tile)[lane] - turn.firstColumn;
        if (c.at[lane] < 0) {
            c.frozen |= 1u << lane;
        } else if (c.at[lane] < turn.columns) {
            c.inside |= 1u << lane;
        }
    }
    return c;
}

static inline void addColumns(const Columns& c, const int64_t* values, int64_t* section) {
    if (c.dense) {
        for (int lane = 0; lane < kTileRows; lane++) section[c.at[0] + lane] += values[lane];
        return;
    }
    for (Mask lanes = c.inside; lanes != 0; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);
        section[c.at[lane]] += values[lane];
    }
}

static inline int64_t totalOf(Mask lanes, const int64_t* values) {
    int64_t total = 0;
    if (lanes == 0xFFFF) {
        for (int lane = 0; lane < kTileRows; lane++) total += values[lane];
        return total;
    }
    for (; lanes != 0; lanes &= lanes - 1) total += values[__builtin_ctz(lanes)];
    return total;
}

static inline void addSum(const Workspace& work, const Measured& m, int tile, const Columns& c, int64_t* area) {
    int64_t total[kTileRows] = {0};
    for (int b = 0; b <= m.windows; b++) {
        for (int lane = 0; lane < m.lanes; lane++) {
            const int64_t* bucket = bucketOf(work, m, b, lane, tile);
            for (int i = 0; i < kTileRows; i++) total[i] += bucket[i];
        }
    }
    addColumns(c, total, area);
}

static inline void addMasses(const Workspace& work, const Measured& m, int tile, const Columns& c, int64_t* area) {
    const Turn& turn = *m.turn;
    for (int lane = 0; lane < m.lanes; lane++) {
        // Outside in: what is far of a window is the sum of the buckets beyond it.
        int64_t total[kTileRows] = {0};
        for (int w = m.windows - 1; w >= 0; w--) {
            const int64_t* bucket = bucketOf(work, m, w + 1, lane, tile);
            for (int i = 0; i < kTileRows; i++) total[i] += bucket[i];
            addColumns(c, total, area + turn.far + (size_t)(w * turn.lanes + lane) * turn.columns);
        }
        int64_t near = 0;
        for (int w = 0; w < m.windows; w++) {
            const int64_t* bucket = bucketOf(work, m, w, lane, tile);
            near += totalOf(c.inside, bucket);
            area[turn.near + w * turn.lanes + lane] += near;
        }
        for (int b = 0; b <= m.windows && c.frozen != 0; b++) {
            area[turn.frozen + lane] += totalOf(c.frozen, bucketOf(work, m, b, lane, tile));
        }
    }
}

static inline void addPeaks(const Workspace& work, int tile, const Columns& c, int64_t* section) {
    const float* peaks = work.peaks + (size_t)tile * kTileRows;
    for (Mask lanes = c.inside; lanes != 0; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);
        const int64_t bits = bitsOf(peaks[lane]);
        int64_t* peak = section + (c.dense ? c.at[0] + lane : c.at[lane]);
        *peak = bits > *peak ? bits : *peak;
    }
}

static void mergeProfile(const PageLayout& p, const Workspace& work, const Measured& m, int64_t* area) {
    for (int i = 0; i < work.count; i++) {
        const Columns c = columnsOf(p, *m.turn, work.tiles[i]);
        if (m.what & kMeasureSum) addSum(work, m, i, c, area);
        if (m.what & kMeasurePeak) addPeaks(work, i, c, area + m.turn->peak);
        if (m.what & kMeasureMass) addMasses(work, m, i, c, area);
    }
}

static void updateScores(const Workspace& work, ScoreMode mode, int group, float* scores) {
    for (int i = 0; i < work.count; i++) {
        const Tile& tile = work.tiles[i];
        // Slots that the row does not see have a share of 0 and keep their score.
        float* at = scores + (size_t)tile.number * kPageSlots + tile.tile * kTileRows;
        const Floats share = load(work.shares + (size_t)i * kTileRows);
        const Floats score = load(at);
        store(at, mode == kScoreSum ? add(score, div(share, broadcast((float)group))) : max(score, share));
    }
}

static void finishMeasuring(const AttentionArgs& args, const AttentionItem& item, const Workspace& work, const Measured& m) {
    const CacheArgs& c = args.cache;
    if (m.what != 0) {
        int32_t* lock = args.areaLocks + (size_t)item.sequence * c.numKvHeads + item.kvHead;
        while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0) sched_yield();
        mergeProfile(c.page, work, m, m.turn->areas + item.kvHead * m.turn->areaLongs);
        __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    }
    if (m.scoreMode != kScoreNone) updateScores(work, m.scoreMode, item.heads, c.scores);
}

}  // namespace millrace::MILLRACE_ISA
