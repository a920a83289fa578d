// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.Profile;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * Two sequences of tokens through attention: frozen slots with holes and gaps in position, a
 * profiled prompt in chunks, rows behind it, then single decode rows over evicted slots, some with
 * scores, and at last all slots of one head moved to other pages, packed and unpacked. The same
 * input for every provider and every chunk size. For tests and {@link KernelCheck}.
 */
final class AttentionCase {
    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private static final int SEQUENCES = 2;
    private static final int KV_HEADS = 2;
    private static final int PROMPT = 290;
    private static final int TOKENS = 296;
    private static final int[] FROZEN = {45, 190};
    private static final int[] COLUMNS = {230, 70};
    private static final int HEAD_PAGES = 12;
    private static final int PAGES = HEAD_PAGES * (SEQUENCES * KV_HEADS + 1);

    /**
     * @param attention bits of outputs, by token
     * @param statistics of the profiled turns
     * @param scores bits, after the decode rows and the move
     * @param pool pages, at the end
     * @param packed words of the packed slots
     * @param unpacked pages that hold nothing but these slots
     */
    record Result(
            int[] attention,
            long[] statistics,
            int[] scores,
            int[] pool,
            int[] packed,
            int[] unpacked) {
        /** Statistics and scores as words. */
        int[] measured() {
            IntStream words =
                    LongStream.of(statistics)
                            .flatMap(value -> LongStream.of(value, value >>> Integer.SIZE))
                            .mapToInt(value -> (int) value);
            return IntStream.concat(words, IntStream.of(scores)).toArray();
        }
    }

    private final KvPageDescriptor page;
    private final int numHeads;
    private final ProfiledTurn[] turns;
    private final float[] queryTable;
    private final float[] keyTable;
    private final int dimensions;
    private final int window;
    private final float softCap;
    private final float[] sinks;
    private final float[] q;
    private final float[] k;
    private final float[] v;

    AttentionCase(KvPageDescriptor page, int groupSize, long seed) {
        this.page = page;
        this.numHeads = KV_HEADS * groupSize;
        this.turns =
                new ProfiledTurn[] {
                    new ProfiledTurn(90, COLUMNS[0], 90, 0, 90, 113, 1, List.of(1, 69)),
                    new ProfiledTurn(
                            380, COLUMNS[1], 391, 7, 400, 380, groupSize, List.of(5, 30, 64))
                };
        Random random = new Random(seed);
        dimensions = random.nextBoolean() ? page.headDim() : page.headDim() / 4 * 2;
        queryTable = floats(random, 1024 * page.headDim(), 1);
        keyTable = floats(random, 1024 * page.headDim(), 1);
        window = random.nextBoolean() ? AttentionParams.NO_WINDOW : 1 + random.nextInt(400);
        softCap = random.nextBoolean() ? AttentionParams.NO_CAP : 1 + random.nextInt(30);
        sinks = floats(random, numHeads, 1);
        sinks[0] = Float.NEGATIVE_INFINITY;
        q = floats(random, SEQUENCES * TOKENS * numHeads * page.headDim(), 0.7f);
        k = floats(random, SEQUENCES * TOKENS * KV_HEADS * page.headDim(), 0.7f);
        v = floats(random, SEQUENCES * TOKENS * KV_HEADS * page.headDim(), 1);
    }

    private static float[] floats(Random random, int count, float scale) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = scale * (float) random.nextGaussian();
        }
        return values;
    }

    Result run(KernelProvider kernels, int chunk) {
        return new Run(kernels).run(chunk);
    }

    private static int position(int sequence, int token) {
        int frozen = FROZEN[sequence];
        return token < frozen ? 2 * token : frozen + token;
    }

    /** Slots that a head took before its first token, of no use to anyone. */
    private static int skipped(int kvHead) {
        return 5 * kvHead;
    }

    private static int page(int sequence, int kvHead, int ordinal) {
        return (sequence * KV_HEADS + kvHead) * HEAD_PAGES + HEAD_PAGES - 1 - ordinal;
    }

    /** Whether a slot is retained while rows from token {@code first} on are computed. */
    private static boolean isLive(int sequence, int kvHead, int token, int first) {
        int checked = token < FROZEN[sequence] ? FROZEN[sequence] : PROMPT;
        if (first < checked || token >= PROMPT) {
            return true;
        }
        // One head loses whole pages, too.
        boolean isGone = kvHead == 1 && sequence == 1 && token >= 20 && token < 120;
        return !isGone && (token * 7 + kvHead + token / 5) % 3 != 0;
    }

    private final class Run {
        private final KernelProvider kernels;
        private final List<DeviceBuffer> buffers = new ArrayList<>();
        private final int[] attention = new int[q.length];
        private final DeviceBuffer pool;
        private final DeviceBuffer scores;
        private final Rotation rotation;
        private final AttentionParams params;
        private final DeviceBuffer statistics;
        private final DeviceBuffer turnInts;

        Run(KernelProvider kernels) {
            this.kernels = kernels;
            pool = allocate((long) PAGES * page.pageBytes());
            scores = allocate(4L * PAGES * KvPageDescriptor.PAGE_SLOTS);
            rotation = new Rotation(upload(queryTable), upload(keyTable), dimensions);
            params =
                    new AttentionParams(
                            numHeads,
                            AttentionParams.scaleOf(page.headDim()),
                            window,
                            softCap,
                            upload(sinks));
            IntBuffer ints = IntBuffer.allocate(SEQUENCES * ProfiledTurn.INTS);
            long offset = 3;
            for (ProfiledTurn turn : turns) {
                turn.write(offset, ints);
                offset += (long) LAYERS * KV_HEADS * turn.areaLongs();
            }
            turnInts = upload(ints.array());
            statistics = allocate(Long.BYTES * (offset + 3));
        }

        Result run(int chunk) {
            int[] ends = {FROZEN[0], FROZEN[1], PROMPT};
            int first = 0;
            for (int end : ends) {
                for (; first < end; first = Math.min(end, first + chunk)) {
                    step(first, Math.min(end, first + chunk), true);
                }
            }
            for (; first < TOKENS; first++) {
                step(first, first + 1, false);
            }
            DeviceBuffer unpacked = allocate(pool.bytes());
            int[] packed = moveFirstHead(unpacked);
            long[] measured = new long[(int) (statistics.bytes() / Long.BYTES)];
            ByteBuffer.wrap(all(statistics))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asLongBuffer()
                    .get(measured);
            Result result =
                    new Result(
                            attention, measured, ints(scores), ints(pool), packed, ints(unpacked));
            buffers.forEach(DeviceBuffer::close);
            return result;
        }

        private void step(int first, int end, boolean isPrompt) {
            int firstBuffer = buffers.size();
            int count = end - first;
            int[] rows = new int[2 * SEQUENCES * count];
            for (int row = 0; row < SEQUENCES * count; row++) {
                rows[2 * row] = row / count;
                rows[2 * row + 1] = position(row / count, first + row % count);
            }
            int[] heads = new int[4 * LAYERS * SEQUENCES * KV_HEADS];
            int[] entries = new int[2 * PAGES];
            fillTables(first, end, isPrompt, heads, entries);
            DeviceBuffer queries = upload(slice(q, numHeads, first, count));
            DeviceBuffer keys = upload(slice(k, KV_HEADS, first, count));
            DeviceBuffer values = upload(slice(v, KV_HEADS, first, count));
            DeviceBuffer out = allocate(queries.bytes());
            CacheView view =
                    new CacheView(
                            page,
                            pool,
                            SEQUENCES * count,
                            SEQUENCES,
                            KV_HEADS,
                            1024,
                            upload(rows),
                            upload(new int[] {0, count, count, count}),
                            upload(heads),
                            upload(entries),
                            null,
                            upload(new int[SEQUENCES * count]),
                            scores,
                            !isPrompt,
                            isPrompt ? new Profile(turnInts, statistics) : null);
            kernels.ropeAndStore(view, LAYER, params, rotation, queries, keys, values);
            kernels.attention(view, LAYER, params, queries, out);
            int[] bits = ints(out);
            int width = numHeads * page.headDim();
            for (int s = 0; s < SEQUENCES; s++) {
                System.arraycopy(
                        bits,
                        s * count * width,
                        attention,
                        (s * TOKENS + first) * width,
                        count * width);
            }
            buffers.subList(firstBuffer, buffers.size()).forEach(DeviceBuffer::close);
            buffers.subList(firstBuffer, buffers.size()).clear();
        }

        private void fillTables(int first, int end, boolean isPrompt, int[] heads, int[] entries) {
            int entry = 0;
            for (int s = 0; s < SEQUENCES; s++) {
                for (int h = 0; h < KV_HEADS; h++) {
                    int head = 4 * ((LAYER * SEQUENCES + s) * KV_HEADS + h);
                    int slots = skipped(h) + end;
                    int pages =
                            (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
                    heads[head] = entry;
                    heads[head + 1] = pages;
                    heads[head + 2] = skipped(h) + first;
                    heads[head + 3] = isPrompt ? CacheView.SCORE_NONE : (s + h) % 3;
                    for (int ordinal = 0; ordinal < pages; ordinal++) {
                        entries[2 * (entry + ordinal)] = page(s, h, ordinal);
                    }
                    for (int token = 0; token < end; token++) {
                        int slot = skipped(h) + token;
                        if (isLive(s, h, token, first)) {
                            entries[2 * (entry + slot / KvPageDescriptor.PAGE_SLOTS) + 1] |=
                                    1 << slot % KvPageDescriptor.PAGE_SLOTS;
                        }
                    }
                    entry += pages;
                }
            }
        }

        /**
         * The live slots of the second sequence's first head, side by side in unused pages, and
         * where they were in {@code unpacked}; returns them packed.
         */
        private int[] moveFirstHead(DeviceBuffer unpacked) {
            List<Integer> moves = new ArrayList<>();
            List<Integer> slots = new ArrayList<>();
            int target = 0;
            for (int token = 0; token < TOKENS; token++) {
                if (isLive(1, 0, token, TOKENS)) {
                    slots.add(page(1, 0, token / KvPageDescriptor.PAGE_SLOTS));
                    slots.add(token % KvPageDescriptor.PAGE_SLOTS);
                    moves.addAll(slots.subList(2 * target, 2 * target + 2));
                    moves.add(PAGES - 1 - target / KvPageDescriptor.PAGE_SLOTS);
                    moves.add(target++ % KvPageDescriptor.PAGE_SLOTS);
                }
            }
            kernels.moveSlots(page, pool, scores, upload(moves), target);
            DeviceBuffer packed =
                    allocate(
                            (page.slotBytes() * target + Integer.BYTES - 1)
                                    / Integer.BYTES
                                    * Integer.BYTES);
            kernels.packSlots(page, pool, upload(slots), target, packed);
            kernels.unpackSlots(page, packed, upload(slots), target, unpacked);
            return ints(packed);
        }

        private DeviceBuffer upload(List<Integer> values) {
            return upload(values.stream().mapToInt(Integer::intValue).toArray());
        }

        private float[] slice(float[] all, int heads, int first, int count) {
            int width = heads * page.headDim();
            float[] slice = new float[SEQUENCES * count * width];
            for (int s = 0; s < SEQUENCES; s++) {
                System.arraycopy(
                        all, (s * TOKENS + first) * width, slice, s * count * width, count * width);
            }
            return slice;
        }

        private DeviceBuffer allocate(long bytes) {
            DeviceBuffer buffer = kernels.allocate(bytes);
            buffers.add(buffer);
            return buffer;
        }

        private DeviceBuffer upload(float[] values) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            return upload(bytes);
        }

        private DeviceBuffer upload(int[] values) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asIntBuffer().put(values);
            return upload(bytes);
        }

        private DeviceBuffer upload(ByteBuffer bytes) {
            DeviceBuffer buffer = allocate(bytes.remaining());
            buffer.write(0, bytes);
            return buffer;
        }
    }

    private static byte[] all(DeviceBuffer buffer) {
        ByteBuffer bytes = ByteBuffer.allocate((int) buffer.bytes());
        buffer.read(0, bytes);
        return bytes.array();
    }

    private static int[] ints(DeviceBuffer buffer) {
        byte[] bytes = all(buffer);
        int[] values = new int[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
        return values;
    }
}
