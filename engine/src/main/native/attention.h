// SPDX-License-Identifier: Apache-2.0
// Attention of a few query vectors over one KV head's pages. Slots are walked in ascending position; a reduction block holds
// positions with equal position >> 8. Passes:
//   1. tiles:   live slots of each page tile, in parts where a tile straddles reduction blocks
//   2. scores:  per tile 16 slots side by side, a serial chain over the head's dimensions; block maxima
//   3. weights: exp(score - block maximum), 0 where a slot is not visible; sums in slot order
//   4. values:  per 16 dimensions a serial chain over the block's slots; blocks combined in ascending order
#pragma once

namespace millrace::MILLRACE_ISA {

constexpr float kMinusInfinity = -__builtin_inff();

// Pass 1: slots of positions in [firstPosition, lastPosition].
static void listTiles(const CacheArgs& c, const int32_t* head, int firstPosition, int lastPosition, Workspace& work) {
    Tile* tiles = work.tiles;
    int count = 0;
    work.pageTiles = 0;
    for (int i = 0; i < head[1]; i++) {
        const int32_t* entry = c.entries + 2 * ((size_t)head[0] + i);
        const uint8_t* page = c.pool + (size_t)entry[0] * c.page.pageBytes;
        for (int t = 0; t < kPageSlots / kTileRows; t++) {
            Mask live = ((uint32_t)entry[1] >> (kTileRows * t)) & 0xFFFF;
            if (live == 0) continue;
            const int32_t* positions = (const int32_t*)(page + c.page.positions) + t * kTileRows;
            const Ints at = loadInts(positions);
            live &= ~greater(at, broadcastInt(lastPosition)) & ~greater(broadcastInt(firstPosition), at);
            const Ints blocks = shiftRight<kReductionShift>(at);
            const int first = count;
            while (live != 0) {
                const int block = positions[__builtin_ctz(live)] >> kReductionShift;
                const Mask inBlock = live & equal(blocks, broadcastInt(block));
                const int last = positions[31 - __builtin_clz(inBlock)];
                tiles[count++] = {page, entry[0], t, block, inBlock, positions[__builtin_ctz(inBlock)], last, 0};
                live &= ~inBlock;
            }
            if (count == first) continue;
            tiles[first].parts = count - first;
            work.pageTiles++;
        }
    }
    work.count = count;
}

template <KvType TYPE>
static inline Floats loadElements(const uint8_t* section, size_t at) {
    if constexpr (TYPE == KvType::kF32) return load((const float*)section + at);
    if constexpr (TYPE == KvType::kF16) return loadHalf((const uint16_t*)section + at);
    return loadSignedBytes((const int8_t*)section + at);
}

// Pass 2 for T page tiles: scores of 16 slots each, before masking. T * N chains at a time keep the multipliers busy.
template <KvType TYPE, int N, int T>
static inline void tileScores(const PageLayout& p, const Tile* const* tiles, const Query* queries, Floats scores[T][N]) {
    if constexpr (TYPE == KvType::kInt8) {
        const int groups = p.keyDim / 4;
        Ints dots[T][N];
        for (int t = 0; t < T; t++) {
            for (int n = 0; n < N; n++) dots[t][n] = zeroInts();
        }
        for (int g = 0; g < groups; g++) {
            for (int t = 0; t < T; t++) {
                const uint8_t* keys = tiles[t]->page + p.keys + (size_t)tiles[t]->tile * groups * 64;
                const SignedBytes k = prepareSigned(loadBytes(keys + 64 * g));
                for (int n = 0; n < N; n++) dotSigned(dots[t][n], k, fourCodes(queries[n].codes + 4 * g));
            }
        }
        for (int t = 0; t < T; t++) {
            const Floats keyScales = load((const float*)(tiles[t]->page + p.keyScales) + tiles[t]->tile * kTileRows);
            for (int n = 0; n < N; n++) {
                scores[t][n] = mul(mul(toFloats(dots[t][n]), broadcast(queries[n].scale)), keyScales);
            }
        }
    } else {
        Floats dots[T][N];
        for (int t = 0; t < T; t++) {
            for (int n = 0; n < N; n++) dots[t][n] = zeros();
        }
        for (int d = 0; d < p.headDim; d++) {
            for (int t = 0; t < T; t++) {
                const size_t at = ((size_t)tiles[t]->tile * p.headDim + d) * kTileRows;
                const Floats k = loadElements<TYPE>(tiles[t]->page + p.keys, at);
                for (int n = 0; n < N; n++) dots[t][n] = fma(broadcast(queries[n].q[d]), k, dots[t][n]);
            }
        }
        for (int t = 0; t < T; t++) {
            for (int n = 0; n < N; n++) scores[t][n] = mul(dots[t][n], broadcast(queries[n].scale));
        }
    }
}

static inline Mask visible(const PageLayout& p, const Tile& t, const Query& query) {
    const Ints at = loadInts(positionsOf(p, t));
    return t.live & ~greater(at, broadcastInt(query.position)) & ~greater(broadcastInt(query.first), at);
}

// Pass 2 for T page tiles, whose parts in one block or more begin at `i`: stores each part's scores, minus infinity where a slot is not in it
// or not visible. Returns where the next page tile begins.
template <KvType TYPE, int N, int T>
static inline int maskedScores(
    const PageLayout& p, const Tile* tiles, int i, const Query* queries, float cap, float* scores, Floats* largestOf) {
    const Tile* pageTiles[T];
    for (int t = 0, part = i; t < T; part += pageTiles[t++]->parts) pageTiles[t] = tiles + part;
    Floats s[T][N];
    tileScores<TYPE, N, T>(p, pageTiles, queries, s);
    for (int t = 0; t < T; t++) {
        for (int n = 0; n < N && cap != 0.f; n++) s[t][n] = softCap(s[t][n], cap);
        for (const int end = i + pageTiles[t]->parts; i < end; i++) {
            for (int n = 0; n < N; n++) {
                const Mask shown = visible(p, tiles[i], queries[n]);
                const Floats masked = select(shown, s[t][n], broadcast(kMinusInfinity));
                store(scores + ((size_t)i * N + n) * kTileRows, masked);
                largestOf[n] = max(largestOf[n], masked);
            }
        }
    }
    return i;
}

// Pass 3 for the tiles of one block and one query vector: scores become weights; returns the block's maximum.
template <int N>
static inline float blockWeights(float* scores, int count) {
    Floats m = broadcast(kMinusInfinity);
    for (int i = 0; i < count; i++) m = max(m, load(scores + (size_t)i * N * kTileRows));
    const float blockLargest = largest(m);
    for (int i = 0; i < count; i++) {
        float* w = scores + (size_t)i * N * kTileRows;
        const Floats s = load(w);
        const Mask hidden = equal(s, broadcast(kMinusInfinity));
        store(w, select(hidden, zeros(), exp(sub(s, broadcast(blockLargest)))));
    }
    return blockLargest;
}

// Sums of the weights of N query vectors in slot order: N chains side by side. Slots that are not live weigh +0.
template <int N>
static inline void blockTotals(const Tile* tiles, const float* weights, int count, float* totals) {
    float acc[N];
    for (int n = 0; n < N; n++) acc[n] = 0.f;
    for (int i = 0; i < count; i++) {
        const int end = 32 - __builtin_clz(tiles[i].live);
        for (int lane = __builtin_ctz(tiles[i].live); lane < end; lane++) {
            for (int n = 0; n < N; n++) acc[n] += weights[((size_t)i * N + n) * kTileRows + lane];
        }
    }
    for (int n = 0; n < N; n++) totals[n] = acc[n];
}

// Pass 4 for dimensions [d, d + 16 * W).
template <KvType TYPE, int N, int W>
static inline void addValues(
    const PageLayout& p, const Tile* tiles, int count, const float* weights, const float* factors, int d, float* sums) {
    Floats acc[W][N];
    for (int w = 0; w < W; w++) {
        for (int n = 0; n < N; n++) acc[w][n] = zeros();
    }
    for (int i = 0; i < count; i++) {
        const float* weight = weights + (size_t)i * N * kTileRows;
        const size_t first = (size_t)tiles[i].tile * kTileRows * p.headDim + d;
        for (Mask live = tiles[i].live; live != 0; live &= live - 1) {
            const int lane = __builtin_ctz(live);
            for (int w = 0; w < W; w++) {
                const Floats v = loadElements<TYPE>(
                    tiles[i].page + p.values, first + (size_t)lane * p.headDim + w * kTileRows);
                for (int n = 0; n < N; n++) {
                    acc[w][n] = fma(broadcast(weight[n * kTileRows + lane]), v, acc[w][n]);
                }
            }
        }
    }
    for (int w = 0; w < W; w++) {
        for (int n = 0; n < N; n++) {
            float* sum = sums + (size_t)n * p.headDim + d + w * kTileRows;
            store(sum, fma(acc[w][n], broadcast(factors[n]), load(sum)));
        }
    }
}

static inline float loadElement(const PageLayout& p, const Tile& t, int lane, int d) {
    const size_t at = (size_t)(t.tile * kTileRows + lane) * p.headDim + d;
    switch (p.type) {
        case KvType::kF32: return ((const float*)(t.page + p.values))[at];
        case KvType::kF16: return _cvtsh_ss(((const uint16_t*)(t.page + p.values))[at]);
        default: return (float)((const int8_t*)(t.page + p.values))[at];
    }
}

// Pass 4 for one dimension, where a head's size is not a multiple of 16.
template <int N>
static inline void addValue(
    const PageLayout& p, const Tile* tiles, int count, const float* weights, const float* factors, int d, float* sums) {
    for (int n = 0; n < N; n++) {
        float acc = 0.f;
        for (int i = 0; i < count; i++) {
            const float* w = weights + ((size_t)i * N + n) * kTileRows;
            for (Mask live = tiles[i].live; live != 0; live &= live - 1) {
                const int lane = __builtin_ctz(live);
                acc = __builtin_fmaf(w[lane], loadElement(p, tiles[i], lane, d), acc);
            }
        }
        float* sum = sums + (size_t)n * p.headDim + d;
        *sum = __builtin_fmaf(acc, factors[n], *sum);
    }
}

// int8: weights of a block's tiles times the scales of their values. Slots that were never written are not live: whatever
// their scale, pass 4 leaves them out.
template <int N>
static inline void scaleWeights(const PageLayout& p, const Tile* tiles, int count, const float* weights, float* scaled) {
    for (int i = 0; i < count; i++) {
        const Floats scales = load((const float*)(tiles[i].page + p.valueScales) + tiles[i].tile * kTileRows);
        for (int n = 0; n < N; n++) {
            const size_t at = ((size_t)i * N + n) * kTileRows;
            store(scaled + at, mul(load(weights + at), scales));
        }
    }
}

// Passes 2 to 4 for N query vectors.
template <KvType TYPE, int N>
static void attend(const PageLayout& p, const Query* queries, float cap, const Workspace& work) {
    constexpr int kSideBySide = kQueries / N;  // tiles, or runs of 16 dimensions, where there are few query vectors
    const Tile* tiles = work.tiles;
    const int count = work.count;
    float* sums = work.sums;
    Floats maxima[N];
    for (int n = 0; n < N; n++) maxima[n] = broadcast(queries[n].sink);
    int i = 0;
    for (int left = work.pageTiles; left >= kSideBySide; left -= kSideBySide) {
        i = maskedScores<TYPE, N, kSideBySide>(p, tiles, i, queries, cap, work.scores, maxima);
    }
    while (i < count) i = maskedScores<TYPE, N, 1>(p, tiles, i, queries, cap, work.scores, maxima);

    float most[N];
    float totals[N];
    for (int n = 0; n < N; n++) {
        most[n] = largest(maxima[n]);
        totals[n] = queries[n].sink == kMinusInfinity ? 0.f : expOne(queries[n].sink - most[n]);
    }
    __builtin_memset(sums, 0, sizeof(float) * N * (size_t)p.headDim);
    for (int start = 0, end; start < count; start = end) {
        end = start + 1;
        while (end < count && tiles[end].block == tiles[start].block) end++;
        float* weights = work.scores + (size_t)start * N * kTileRows;

        float factors[N];
        float blockTotal[N];
        for (int n = 0; n < N; n++) {
            const float blockLargest = blockWeights<N>(weights + n * kTileRows, end - start);
            factors[n] = blockLargest == kMinusInfinity ? 0.f : expOne(blockLargest - most[n]);
        }
        blockTotals<N>(tiles + start, weights, end - start, blockTotal);
        for (int n = 0; n < N; n++) totals[n] = __builtin_fmaf(blockTotal[n], factors[n], totals[n]);
        for (int j = start; j < end; j++) {
            for (int n = 0; n < N; n++) work.factors[j * N + n] = factors[n];
        }
        if constexpr (TYPE == KvType::kInt8) {
            scaleWeights<N>(p, tiles + start, end - start, weights, work.scaled);
            weights = work.scaled;
        }

        int d = 0;
        for (; d + kSideBySide * kTileRows <= p.headDim; d += kSideBySide * kTileRows) {
            addValues<TYPE, N, kSideBySide>(p, tiles + start, end - start, weights, factors, d, sums);
        }
        for (; d + kTileRows <= p.headDim; d += kTileRows) {
            addValues<TYPE, N, 1>(p, tiles + start, end - start, weights, factors, d, sums);
        }
        for (; d < p.headDim; d++) addValue<N>(p, tiles + start, end - start, weights, factors, d, sums);
    }
    for (int n = 0; n < N; n++) {
        work.totals[n] = totals[n];
        for (int d = 0; d < p.headDim; d++) {
            // No visible slot: zero.
            queries[n].out[d] = totals[n] == 0.f ? 0.f : sums[(size_t)n * p.headDim + d] / totals[n] + 0.f;
        }
    }
}

// Attention of N query vectors, and what is measured of it.
template <int N>
static void attendAndMeasure(
    const PageLayout& p, const Query* queries, float cap, const Workspace& work, const Measured& measured) {
    switch (p.type) {
        case KvType::kF32: attend<KvType::kF32, N>(p, queries, cap, work); break;
        case KvType::kF16: attend<KvType::kF16, N>(p, queries, cap, work); break;
        default: attend<KvType::kInt8, N>(p, queries, cap, work);
    }
    if (measured.what != 0) addToProfile<N>(p, queries, work, measured);
    if (measured.scoreMode != kScoreNone) addShares<N>(work, measured.scoreMode);
}

static Workspace workspace(const AttentionScratch& parts, void* scratch) {
    uint8_t* memory = (uint8_t*)scratch;
    return {(Tile*)(memory + parts.tiles),    0, 0,
            (float*)(memory + parts.scores),  (float*)(memory + parts.scaled),
            (float*)(memory + parts.factors), (float*)(memory + parts.totals),
            (float*)(memory + parts.sums),    (int64_t*)(memory + parts.fixed),
            (float*)(memory + parts.peaks),   (float*)(memory + parts.shares)};
}

static void attention(const void* opaque, int index, void* scratch) {
    const AttentionArgs& args = *(const AttentionArgs*)opaque;
    const CacheArgs& c = args.cache;
    const PageLayout& p = c.page;
    const AttentionItem& item = args.items[index];
    const int32_t* head = c.heads + 4 * ((size_t)item.sequence * c.numKvHeads + item.kvHead);
    const AttentionScratch parts(p, args.maxTiles, args.maxBuckets);
    Workspace work = workspace(parts, scratch);

    const int lastPosition = c.rows[2 * (item.row + item.rows - 1) + 1];
    const int firstPosition = c.rows[2 * item.row + 1] - (args.window - 1);
    listTiles(c, head, firstPosition, lastPosition, work);
    const Measured measured = startMeasuring(args, item, (ScoreMode)head[3], work);
    const int group = c.numHeads / c.numKvHeads;
    const int total = item.rows * item.heads;
    for (int first = 0; first < total; first += kQueries) {
        const int n = total - first < kQueries ? total - first : kQueries;
        Query queries[kQueries];
        for (int i = 0; i < n; i++) {
            const int row = item.row + (first + i) / item.heads;
            const int queryHead = item.head + (first + i) % item.heads;
            const size_t at = ((size_t)row * c.numHeads + queryHead) * p.headDim;
            const int32_t position = c.rows[2 * row + 1];
            queries[i] = {args.q + at,          args.out + at, position, queryHead % group, position - (args.window - 1), args.scale,
                          args.sinks[queryHead], nullptr};
            if (p.type == KvType::kInt8) {
                int8_t* codes = (int8_t*)scratch + parts.codes + i * parts.codeBytes;
                __builtin_memset(codes, 0, (size_t)p.keyDim);
                queries[i].scale = quantizeBlock(args.q + at, p.headDim, codes) * args.scale;
                queries[i].codes = codes;
            }
        }
        switch (n) {
            case 4: attendAndMeasure<4>(p, queries, args.softCap, work, measured); break;
            case 3: attendAndMeasure<3>(p, queries, args.softCap, work, measured); break;
            case 2: attendAndMeasure<2>(p, queries, args.softCap, work, measured); break;
            default: attendAndMeasure<1>(p, queries, args.softCap, work, measured);
        }
    }
    finishMeasuring(args, item, work, measured);
}

}  // namespace millrace::MILLRACE_ISA
