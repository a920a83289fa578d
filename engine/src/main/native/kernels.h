// SPDX-License-Identifier: Apache-2.0
// Arguments of the operations and the table of their implementations, one table per instruction set. Plain pointers and
// counts; no ownership. What each operation computes is said in KernelProvider.java, each rounding in docs/numerics.md.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace millrace {

constexpr int kTileRows = 16;
constexpr int kBlock = 32;             // weights or activations of one scale
constexpr int kSegment = 1024;         // weights of one serial float chain
constexpr int kPageSlots = 32;
constexpr int kReductionShift = 8;     // positions of one attention block: 256

enum class WeightType : int32_t { kF32 = 0, kF16 = 1, kBF16 = 2, kBlocks = 3 };

// Parts of a tile block of 32 weights x 16 rows, in this order:
//   codes       kNibbles: [4][16][4] bytes, low nibble of chunk j = group j, high nibble = group j + 4
//               else:     [8][16][4] signed bytes, code - zero; a group is 4 weights along K
//   halfScales  kHalves:  int8[2][16]
//   scales      kHalfFloats: float16[16], else float32[16]
//   mins        kMins:    as scales
enum BlockFlags : int32_t { kNibbles = 1, kZero8 = 2, kHalfFloats = 4, kMins = 8, kHalves = 16 };

// rows x columns in tiles of 16 rows; float types as T[columns][16] per tile.
struct Matrix {
    const uint8_t* data;
    size_t blockBytes;  // of 16 x 32 weights
    size_t tileBytes;
    int32_t rows;
    int32_t columns;
    WeightType type;
    int32_t flags;
    bool usesCodes;
};

struct MatmulArgs {
    static constexpr int kMaxMatrices = 4;
    const float* values;   // float[rows][columns]
    const int8_t* codes;   // int8[rows][columns]
    const float* scales;   // float[rows][columns / 32]
    const int32_t* sums;   // int32[rows][columns / 32]
    int rows;
    int columns;
    int numMatrices;
    const Matrix* matrices[kMaxMatrices];
    float* outs[kMaxMatrices];
    int firstTile[kMaxMatrices + 1];  // tiles of all matrices in one line
    int tilesPerChunk;
};

enum class KvType : int32_t { kF32 = 0, kF16 = 1, kInt8 = 2 };

// KvPageDescriptor.java.
struct PageLayout {
    KvType type;
    int headDim;
    int keyDim;
    int positions;    // byte offsets in a page
    int keyScales;
    int valueScales;
    int keys;
    int values;
    int pageBytes;
};

// CacheView.java, one layer.
struct CacheArgs {
    PageLayout page;
    uint8_t* pool;
    const int32_t* rows;       // [numRows][2]
    const int32_t* sequences;  // [numSequences][2]
    const int32_t* heads;      // [numSequences][numKvHeads][4]
    const int32_t* entries;    // [][2]
    int32_t* faults;           // [numRows]
    float* scores;             // [pages][kPageSlots]
    int numRows;
    int numSequences;
    int numKvHeads;
    int numHeads;
};

// Rotation.java.
struct StoreArgs {
    CacheArgs cache;
    const float* queryTable;
    const float* keyTable;
    int dimensions;
    float* q;
    float* k;
    const float* v;
};

struct RotateArgs {
    const int32_t* rows;  // [numRows][2]
    const float* table;
    int dimensions;
    int headDim;
    int heads;
    float* x;  // [numRows][heads][headDim]
};

struct MoveArgs {
    PageLayout page;
    uint8_t* pool;
    float* scores;         // [pages][kPageSlots]
    const int32_t* moves;  // [count][4]: source page and slot, target page and slot
    int count;
    int movesPerChunk;
};

struct PackArgs {
    PageLayout page;
    uint8_t* pool;
    const int32_t* slots;  // [count][2]: page, slot
    uint8_t* packed;       // [count][slotBytes]
    int slotBytes;
    int count;
    int slotsPerChunk;
};

// Query vectors of one KV head and sequence: query heads [head, head + heads) of rows [row, row + rows).
struct AttentionItem {
    int sequence;
    int kvHead;
    int row;
    int rows;
    int head;
    int heads;
    int measures;  // Measure bits that hold for all of the rows
};

enum Measure : int { kMeasureSum = 1, kMeasurePeak = 2, kMeasureMass = 4 };

enum ScoreMode : int { kScoreNone = 0, kScoreSum = 1, kScorePeak = 2 };

// ProfiledTurn.java of one sequence, and the sections of a head's area in longs.
struct Turn {
    static constexpr int kInts = 16;
    static constexpr int kMaxWindows = 4;
    bool profiled;
    int firstColumn;
    int columns;
    int firstSumRow;
    int peakDistance;
    int firstPeakRow;
    int firstMassRow;
    int lanes;
    int numWindows;
    int windows[kMaxWindows];
    int64_t* areas;  // [numKvHeads][areaLongs] of the layer
    size_t areaLongs;
    size_t peak;
    size_t far;
    size_t near;
    size_t frozen;
};

constexpr int kQueries = 4;  // query vectors that share one reading of keys and values

struct Query {
    const float* q;
    float* out;
    int32_t position;
    int32_t head;         // in its group
    int32_t first;        // position that it sees
    float scale;          // of a score, int8: times the query's own scale
    float sink;
    const int8_t* codes;  // int8 only
};

// Live slots of one reduction block in a tile of 16 slots.
struct Tile {
    const uint8_t* page;
    int32_t number;  // of the page
    int32_t tile;
    int32_t block;
    uint32_t live;
    int32_t first;  // positions
    int32_t last;
    int32_t parts;  // of the tile of 16, of which this is the first: one a block
};

// What passes over up to kQueries query vectors, N of them, read and write.
struct Workspace {
    Tile* tiles;
    int count;
    int pageTiles;   // of 16 slots that the tiles are parts of
    float* scores;   // [tiles][N][16]; weights after attention
    float* scaled;   // [tiles of a block][N][16], int8 only: weights times the values' scales
    float* factors;  // [tiles][N]: of the tile's block
    float* totals;   // [N]
    float* sums;     // [N][headDim]
    int64_t* fixed;  // [buckets][tiles][16], see statistics.h
    float* peaks;    // [tiles][16]: largest A of the item
    float* shares;   // [tiles][16]: a decode row's A over its query heads, added up or the largest
};

struct AttentionArgs {
    CacheArgs cache;
    float scale;
    int window;
    float softCap;        // 0: none
    const float* sinks;   // [numHeads]
    const float* q;
    float* out;
    const AttentionItem* items;
    const Turn* turns;   // [numSequences], null if there is no profile
    int32_t* areaLocks;  // [numSequences][numKvHeads], 0: free
    int maxTiles;        // of a head: tiles, and one more where a tile straddles two reduction blocks
    int maxBuckets;      // of an item
};

static inline size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Scratch memory of attention: byte offsets and the total.
struct AttentionScratch {
    size_t tiles;
    size_t scores;
    size_t scaled;
    size_t factors;
    size_t totals;
    size_t sums;
    size_t fixed;
    size_t peaks;
    size_t shares;
    size_t codes;  // int8[kQueries][codeBytes]
    size_t codeBytes;
    size_t bytes;

    AttentionScratch(const PageLayout& page, int maxTiles, int maxBuckets) {
        const size_t count = (size_t)maxTiles;
        const size_t lanes = count * kTileRows;
        bytes = 0;
        tiles = take(sizeof(Tile) * count);
        scores = take(sizeof(float) * kQueries * lanes);
        scaled = take(page.type == KvType::kInt8 ? sizeof(float) * kQueries * lanes : 0);
        factors = take(sizeof(float) * kQueries * count);
        totals = take(sizeof(float) * kQueries);
        sums = take(sizeof(float) * kQueries * (size_t)page.headDim);
        fixed = take(sizeof(int64_t) * (size_t)maxBuckets * lanes);
        peaks = take(sizeof(float) * lanes);
        shares = take(sizeof(float) * lanes);
        codeBytes = aligned((size_t)page.keyDim);
        codes = take(kQueries * codeBytes);
    }

   private:
    size_t take(size_t size) {
        const size_t at = bytes;
        bytes += aligned(size);
        return at;
    }
};

struct RowsArgs {
    const float* x;
    const float* y;  // second input, or weights
    float* out;
    int8_t* codes;
    float* scales;
    int32_t* sums;
    int32_t* indices;
    float eps;
    float factor;
    int rows;
    int width;
    int rowsPerChunk;
};

struct EmbedArgs {
    const Matrix* table;
    const int32_t* tokens;
    float* out;
    int rows;
};

// A chunk of an operation. Chunks are independent; each finds the scratch memory, aligned to 64 bytes, that the operation
// asked for.
struct Kernels {
    const char* name;
    void (*matmul)(const void* args, int chunk, void* scratch);
    void (*rotate)(const void* args, int row, void* scratch);
    void (*ropeAndStore)(const void* args, int row, void* scratch);
    void (*attention)(const void* args, int item, void* scratch);
    void (*moveSlots)(const void* args, int chunk, void* scratch);
    void (*packSlots)(const void* args, int chunk, void* scratch);
    void (*unpackSlots)(const void* args, int chunk, void* scratch);
    void (*embed)(const void* args, int row, void* scratch);
    void (*rmsNorm)(const void* args, int chunk, void* scratch);
    void (*quantize)(const void* args, int chunk, void* scratch);
    void (*gatedProduct[2])(const void* args, int chunk, void* scratch);  // by GateFunction.java
    void (*add)(const void* args, int chunk, void* scratch);
    void (*addBias)(const void* args, int chunk, void* scratch);
    void (*scale)(const void* args, int chunk, void* scratch);
    void (*softCap)(const void* args, int chunk, void* scratch);
    void (*argmax)(const void* args, int row, void* scratch);
};

extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace millrace
