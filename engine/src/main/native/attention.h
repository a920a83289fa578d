// Attention of a few query vectors over one KV head's pages. Slots are walked in ascending position; a reduction block holds
// positions with equal position >> 8. Passes:
//   1. tiles:   live slots of each page tile, split where a tile straddles reduction blocks
//   2. scores:  per tile 16 slots side by side, a serial chain over the head's dimensions; block maxima
//   3. weights: exp(score - block maximum), 0 where a slot is not visible; sums in slot order
//   4. values:  per 16 dimensions a serial chain over the block's slots; blocks combined in ascending order
#pragma once

namespace millrace::MILLRACE_ISA {

constexpr int kQueries = 4;  // query vectors that share one reading of keys and values
constexpr float kMinusInfinity = -__builtin_inff();

struct Tile {
    const uint8_t* page;
    int32_t tile;
    Mask live;
    int32_t block;
};

struct Query {
    const float* q;
    float* out;
    int32_t position;
    float scale;         // of a score: 1 / sqrt(headDim), int8: times the query's own scale
    const int8_t* codes;  // int8 only
};

static inline const int32_t* positionsOf(const PageLayout& p, const Tile& t) {
    return (const int32_t*)(t.page + p.positions) + t.tile * kTileRows;
}

// Pass 1; returns the number of tiles.
static int listTiles(const CacheArgs& c, const int32_t* head, int lastPosition, Tile* tiles) {
    int count = 0;
    for (int i = 0; i < head[1]; i++) {
        const int32_t* entry = c.entries + 2 * ((size_t)head[0] + i);
        const uint8_t* page = c.pool + (size_t)entry[0] * c.page.pageBytes;
        for (int t = 0; t < kPageSlots / kTileRows; t++) {
            Mask live = ((uint32_t)entry[1] >> (kTileRows * t)) & 0xFFFF;
            if (live == 0) continue;
            const int32_t* positions = (const int32_t*)(page + c.page.positions) + t * kTileRows;
            const Ints at = loadInts(positions);
            live &= ~greater(at, broadcastInt(lastPosition));
            const Ints blocks = shiftRight<kReductionShift>(at);
            while (live != 0) {
                const int block = positions[__builtin_ctz(live)] >> kReductionShift;
                const Mask inBlock = live & equal(blocks, broadcastInt(block));
                tiles[count++] = {page, t, inBlock, block};
                live &= ~inBlock;
            }
        }
    }
    return count;
}

// Pass 2 for one tile: scores of 16 slots, before masking.
template <int N>
static inline void tileScores(const PageLayout& p, const Tile& t, const Query* queries, Floats* scores) {
    if (p.type == KvType::kInt8) {
        const int groups = p.keyDim / 4;
        const uint8_t* keys = t.page + p.keys + (size_t)t.tile * groups * 64;
        Ints dots[N];
        for (int n = 0; n < N; n++) dots[n] = zeroInts();
        for (int g = 0; g < groups; g++) {
            const SignedBytes k = prepareSigned(loadBytes(keys + 64 * g));
            for (int n = 0; n < N; n++) dotSigned(dots[n], k, fourCodes(queries[n].codes + 4 * g));
        }
        const Floats keyScales = load((const float*)(t.page + p.keyScales) + t.tile * kTileRows);
        for (int n = 0; n < N; n++) {
            scores[n] = mul(mul(toFloats(dots[n]), broadcast(queries[n].scale)), keyScales);
        }
        return;
    }
    Floats dots[N];
    for (int n = 0; n < N; n++) dots[n] = zeros();
    if (p.type == KvType::kF16) {
        const uint16_t* keys = (const uint16_t*)(t.page + p.keys) + (size_t)t.tile * p.headDim * kTileRows;
        for (int d = 0; d < p.headDim; d++) {
            const Floats k = loadHalf(keys + d * kTileRows);
            for (int n = 0; n < N; n++) dots[n] = fma(broadcast(queries[n].q[d]), k, dots[n]);
        }
    } else {
        const float* keys = (const float*)(t.page + p.keys) + (size_t)t.tile * p.headDim * kTileRows;
        for (int d = 0; d < p.headDim; d++) {
            const Floats k = load(keys + d * kTileRows);
            for (int n = 0; n < N; n++) dots[n] = fma(broadcast(queries[n].q[d]), k, dots[n]);
        }
    }
    for (int n = 0; n < N; n++) scores[n] = mul(dots[n], broadcast(queries[n].scale));
}

static inline Mask visible(const PageLayout& p, const Tile& t, int32_t position) {
    return t.live & ~greater(loadInts(positionsOf(p, t)), broadcastInt(position));
}

template <KvType TYPE>
static inline Floats loadValues(const PageLayout& p, const Tile& t, int lane, int d) {
    const size_t at = (size_t)(t.tile * kTileRows + lane) * p.headDim + d;
    if constexpr (TYPE == KvType::kF32) return load((const float*)(t.page + p.values) + at);
    if constexpr (TYPE == KvType::kF16) return loadHalf((const uint16_t*)(t.page + p.values) + at);
    return loadSignedBytes((const int8_t*)(t.page + p.values) + at);
}

static inline float loadValue(const PageLayout& p, const Tile& t, int lane, int d) {
    const size_t at = (size_t)(t.tile * kTileRows + lane) * p.headDim + d;
    switch (p.type) {
        case KvType::kF32: return ((const float*)(t.page + p.values))[at];
        case KvType::kF16: return _cvtsh_ss(((const uint16_t*)(t.page + p.values))[at]);
        default: return (float)((const int8_t*)(t.page + p.values))[at];
    }
}

// Pass 4 for the tiles of one block: o[d] = sum of weight * value, added to the outputs with the block's factor.
template <KvType TYPE, int N>
static inline void addValues(
    const PageLayout& p, const Tile* tiles, int count, const float* weights, const float* factors, float* sums) {
    int d = 0;
    for (; d + kTileRows <= p.headDim; d += kTileRows) {
        Floats acc[N];
        for (int n = 0; n < N; n++) acc[n] = zeros();
        for (int i = 0; i < count; i++) {
            const float* w = weights + (size_t)i * N * kTileRows;
            for (Mask live = tiles[i].live; live != 0; live &= live - 1) {
                const int lane = __builtin_ctz(live);
                const Floats v = loadValues<TYPE>(p, tiles[i], lane, d);
                for (int n = 0; n < N; n++) {
                    acc[n] = fma(broadcast(w[n * kTileRows + lane]), v, acc[n]);
                }
            }
        }
        for (int n = 0; n < N; n++) {
            float* sum = sums + (size_t)n * p.headDim + d;
            store(sum, fma(acc[n], broadcast(factors[n]), load(sum)));
        }
    }
    for (; d < p.headDim; d++) {
        for (int n = 0; n < N; n++) {
            float acc = 0.f;
            for (int i = 0; i < count; i++) {
                const float* w = weights + ((size_t)i * N + n) * kTileRows;
                for (Mask live = tiles[i].live; live != 0; live &= live - 1) {
                    const int lane = __builtin_ctz(live);
                    acc = __builtin_fmaf(w[lane], loadValue(p, tiles[i], lane, d), acc);
                }
            }
            float* sum = sums + (size_t)n * p.headDim + d;
            *sum = __builtin_fmaf(acc, factors[n], *sum);
        }
    }
}

// Passes 2 to 4 for N query vectors. `scores`: float[tiles][N][16]; `sums`: float[N][headDim].
template <int N>
static void attend(const PageLayout& p, const Tile* tiles, int count, const Query* queries, float* scores, float* sums) {
    float largestOf[N];
    for (int n = 0; n < N; n++) largestOf[n] = kMinusInfinity;
    for (int i = 0; i < count; i++) {
        Floats s[N];
        tileScores<N>(p, tiles[i], queries, s);
        for (int n = 0; n < N; n++) {
            s[n] = select(visible(p, tiles[i], queries[n].position), s[n], broadcast(kMinusInfinity));
            store(scores + ((size_t)i * N + n) * kTileRows, s[n]);
            const float m = largest(s[n]);
            largestOf[n] = m > largestOf[n] ? m : largestOf[n];
        }
    }

    float totals[N];
    for (int n = 0; n < N; n++) totals[n] = 0.f;
    __builtin_memset(sums, 0, sizeof(float) * N * (size_t)p.headDim);
    for (int start = 0, end; start < count; start = end) {
        end = start + 1;
        while (end < count && tiles[end].block == tiles[start].block) end++;

        float factors[N];
        for (int n = 0; n < N; n++) {
            Floats m = broadcast(kMinusInfinity);
            for (int i = start; i < end; i++) m = max(m, load(scores + ((size_t)i * N + n) * kTileRows));
            const float blockLargest = largest(m);
            if (blockLargest == kMinusInfinity) {
                for (int i = start; i < end; i++) store(scores + ((size_t)i * N + n) * kTileRows, zeros());
                factors[n] = 0.f;
                continue;
            }
            float total = 0.f;
            for (int i = start; i < end; i++) {
                float* w = scores + ((size_t)i * N + n) * kTileRows;
                const Floats s = load(w);
                const Mask hidden = equal(s, broadcast(kMinusInfinity));
                Floats weight = select(hidden, zeros(), exp(sub(s, broadcast(blockLargest))));
                store(w, weight);
                for (int lane = 0; lane < kTileRows; lane++) total += w[lane];
                if (p.type == KvType::kInt8) {
                    const Floats scales = load((const float*)(tiles[i].page + p.valueScales) + tiles[i].tile * kTileRows);
                    store(w, select(hidden, zeros(), mul(weight, scales)));
                }
            }
            factors[n] = expOne(blockLargest - largestOf[n]);
            totals[n] = __builtin_fmaf(total, factors[n], totals[n]);
        }
        const float* weights = scores + (size_t)start * N * kTileRows;
        switch (p.type) {
            case KvType::kF32: addValues<KvType::kF32, N>(p, tiles + start, end - start, weights, factors, sums); break;
            case KvType::kF16: addValues<KvType::kF16, N>(p, tiles + start, end - start, weights, factors, sums); break;
            default: addValues<KvType::kInt8, N>(p, tiles + start, end - start, weights, factors, sums);
        }
    }
    for (int n = 0; n < N; n++) {
        for (int d = 0; d < p.headDim; d++) {
            const float sum = sums[(size_t)n * p.headDim + d];
            queries[n].out[d] = count > 0 ? sum / totals[n] + 0.f : 0.f;
        }
    }
}

static void attention(const void* opaque, int index, Scratch& scratch) {
    const AttentionArgs& args = *(const AttentionArgs*)opaque;
    const CacheArgs& c = args.cache;
    const PageLayout& p = c.page;
    const AttentionItem& item = args.items[index];
    const int32_t* head = c.heads + 4 * ((size_t)item.sequence * c.numKvHeads + item.kvHead);

    // Sparse tiles may straddle blocks: at most one list entry per slot, and per tile one more than it has blocks.
    const size_t maxTiles = (size_t)head[1] * kPageSlots;
    const size_t queryCodes = ((size_t)p.keyDim + 63) / 64 * 64;
    const size_t tileBytes = (sizeof(Tile) * maxTiles + 63) / 64 * 64;
    const size_t scoreBytes = sizeof(float) * kTileRows * kQueries * maxTiles;
    uint8_t* memory = (uint8_t*)scratch.reserve(
        tileBytes + scoreBytes + sizeof(float) * kQueries * (size_t)p.headDim + kQueries * queryCodes + 64);
    Tile* tiles = (Tile*)memory;
    float* scores = (float*)(memory + tileBytes);
    int8_t* codes = (int8_t*)(memory + tileBytes + scoreBytes);
    float* sums = (float*)(codes + kQueries * queryCodes);

    const int lastPosition = c.rows[2 * (item.row + item.rows - 1) + 1];
    const int count = listTiles(c, head, lastPosition, tiles);
    const float scale = 1.f / __builtin_sqrtf((float)p.headDim);
    const int total = item.rows * item.heads;
    for (int first = 0; first < total; first += kQueries) {
        const int n = total - first < kQueries ? total - first : kQueries;
        Query queries[kQueries];
        for (int i = 0; i < n; i++) {
            const int row = item.row + (first + i) / item.heads;
            const int queryHead = item.head + (first + i) % item.heads;
            const size_t at = ((size_t)row * c.numHeads + queryHead) * p.headDim;
            queries[i] = {args.q + at, args.out + at, c.rows[2 * row + 1], scale, nullptr};
            if (p.type == KvType::kInt8) {
                int8_t* own = codes + i * queryCodes;
                __builtin_memset(own, 0, (size_t)p.keyDim);
                queries[i].scale = quantizeBlock(args.q + at, p.headDim, own) * scale;
                queries[i].codes = own;
            }
        }
        switch (n) {
            case 4: attend<4>(p, tiles, count, queries, scores, sums); break;
            case 3: attend<3>(p, tiles, count, queries, scores, sums); break;
            case 2: attend<2>(p, tiles, count, queries, scores, sums); break;
            default: attend<1>(p, tiles, count, queries, scores, sums);
        }
    }
}

}  // namespace millrace::MILLRACE_ISA
