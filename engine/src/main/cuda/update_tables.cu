// Brings page tables up to date: changes int[1 + 3 * n]: count, at most n, then so many times entry, page, live mask; entries int[][2]: page, live
// mask. One thread a change, threads for n of them, so that the grid is the same in every step; no entry comes twice.
// Versions: 1, whole tables copied for each step; 2, this one: what changed.
#include "device.cuh"

struct UpdateTablesArguments {
    const int* changes;
    int2* entries;
};

KERNEL(updateTables, UpdateTablesArguments, 256) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= args.changes[0]) return;
    const int* change = args.changes + 1 + 3 * i;
    args.entries[change[0]] = {change[1], change[2]};
}
