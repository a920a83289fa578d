// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Stored form of a cache's page tables and counters, a section of version {@value
 * Sections#VERSION}. Little-endian.
 *
 * <pre>
 *   int32 magic "MRSC", int32 version, byte[32] fingerprint,
 *   int32 length (positions), int32 layers, int32 kvHeads, int32 profiled (1: statistics are stored beside),
 *   int32 n, then per compaction, oldest first:
 *     int32 start, end (positions), int64 keptSlots, droppedSlots, int32 bytes, utf8[bytes] retention,
 *   int32 n, then per entry of slots ({@link SlotLog}), oldest first: int64 id,
 *   then per head (layer-major):
 *     int32 nextOrdinal, slots (taken, live or not), rung (-1: none), scoreMode,
 *     int32 n, then per run of pages with consecutive ordinals and one live mask: int32 ordinal, pages, liveMask;
 *   int32 crc
 * </pre>
 *
 * Versions 1 and 2 are {@link PagedCache}'s.
 */
record SavedHeader(
        String fingerprint,
        int length,
        int numLayers,
        int numKvHeads,
        boolean isProfiled,
        List<Compaction> compactions,
        long[] slotIds,
        List<SavedHead> heads) {
    private static final int MAGIC = 0x4353524D;
    private static final int FINGERPRINT_BYTES = 32;
    private static final int COMPACTION_BYTES = 28;
    private static final int RUN_BYTES = 12;

    /**
     * A header as it is stored.
     *
     * @param tables of all heads, {@link HeadCache#save}
     */
    static byte[] encode(
            CacheLayout layout,
            int length,
            boolean isProfiled,
            List<Compaction> compactions,
            long[] slotIds,
            IntList tables) {
        List<byte[]> texts =
                compactions.stream()
                        .map(c -> c.retention().getBytes(StandardCharsets.UTF_8))
                        .toList();
        int bytes = FINGERPRINT_BYTES + 5 * Integer.BYTES;
        bytes += texts.stream().mapToInt(text -> COMPACTION_BYTES + text.length).sum();
        bytes += Integer.BYTES + Long.BYTES * slotIds.length;
        bytes += Integer.BYTES * tables.count();
        ByteBuffer out = Sections.start(bytes, MAGIC);
        out.put(HexFormat.of().parseHex(layout.fingerprint()));
        out.putInt(length).putInt(layout.numLayers()).putInt(layout.numKvHeads());
        out.putInt(isProfiled ? 1 : 0);
        out.putInt(compactions.size());
        for (int i = 0; i < compactions.size(); i++) {
            Compaction compaction = compactions.get(i);
            out.putInt(compaction.start()).putInt(compaction.end());
            out.putLong(compaction.keptSlots()).putLong(compaction.droppedSlots());
            out.putInt(texts.get(i).length).put(texts.get(i));
        }
        out.putInt(slotIds.length);
        for (long id : slotIds) {
            out.putLong(id);
        }
        tables.writeTo(out);
        return Sections.finish(out);
    }

    /**
     * @throws CorruptCacheException if the checksum fails, or numbers contradict each other
     * @throws IncompatibleCacheException if the format is unknown
     */
    static SavedHeader read(byte[] header) {
        ByteBuffer in = Sections.open(header, MAGIC, "cache header");
        try {
            return read(in, Sections.version(header));
        } catch (BufferUnderflowException e) {
            throw new CorruptCacheException("cache header ends early: bytes=" + header.length);
        }
    }

    private static SavedHeader read(ByteBuffer in, int version) {
        byte[] fingerprint = new byte[FINGERPRINT_BYTES];
        in.get(fingerprint);
        int length = in.getInt();
        int numLayers = in.getInt();
        int numKvHeads = in.getInt();
        boolean isProfiled = version > 1 && in.getInt() != 0;
        List<Compaction> compactions = version > 1 ? readCompactions(in) : List.of();
        long[] slotIds = version > 2 ? readIds(in) : new long[0];
        checkCount("layers", numLayers, Integer.BYTES, in);
        checkCount("kvHeads", numKvHeads, Integer.BYTES, in);
        checkCount("heads", (long) numLayers * numKvHeads, Integer.BYTES, in);
        List<SavedHead> heads = new ArrayList<>(numLayers * numKvHeads);
        for (int i = 0; i < numLayers * numKvHeads; i++) {
            heads.add(version > 2 ? readHead(in) : PagedCache.readHead(in, version));
            heads.get(i).check(length);
        }
        return new SavedHeader(
                HexFormat.of().formatHex(fingerprint),
                length,
                numLayers,
                numKvHeads,
                isProfiled,
                compactions,
                slotIds,
                heads);
    }

    /** Before memory is allocated for it: so many items need so many bytes. */
    static void checkCount(String what, long count, int itemBytes, ByteBuffer in) {
        if (count < 0 || count * itemBytes > in.remaining()) {
            throw new CorruptCacheException(
                    "cache header with " + what + "=" + count + ", bytesLeft=" + in.remaining());
        }
    }

    private static List<Compaction> readCompactions(ByteBuffer in) {
        int count = in.getInt();
        checkCount("compactions", count, COMPACTION_BYTES, in);
        List<Compaction> compactions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int start = in.getInt();
            int end = in.getInt();
            long keptSlots = in.getLong();
            long droppedSlots = in.getLong();
            int textBytes = in.getInt();
            checkCount("textBytes", textBytes, 1, in);
            byte[] text = new byte[textBytes];
            in.get(text);
            String retention = new String(text, StandardCharsets.UTF_8);
            compactions.add(new Compaction(start, end, retention, keptSlots, droppedSlots));
        }
        return compactions;
    }

    private static long[] readIds(ByteBuffer in) {
        int count = in.getInt();
        checkCount("entries", count, Long.BYTES, in);
        long[] ids = new long[count];
        for (int i = 0; i < count; i++) {
            ids[i] = in.getLong();
            if (ids[i] < 0 || i > 0 && ids[i] <= ids[i - 1]) {
                throw new CorruptCacheException("cache header with entry=" + ids[i]);
            }
        }
        return ids;
    }

    private static SavedHead readHead(ByteBuffer in) {
        int nextOrdinal = in.getInt();
        int slots = in.getInt();
        int rung = in.getInt();
        int scoreMode = in.getInt();
        int count = in.getInt();
        checkCount("runs", count, RUN_BYTES, in);
        List<SavedHead.Run> runs = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            runs.add(new SavedHead.Run(in.getInt(), in.getInt(), in.getInt()));
        }
        return new SavedHead(nextOrdinal, slots, rung, scoreMode, runs);
    }

    void checkFingerprint(CacheLayout layout) {
        if (!fingerprint.equals(layout.fingerprint())) {
            throw new IncompatibleCacheException(
                    "cache of another model or configuration: fingerprint="
                            + fingerprint
                            + ", expected="
                            + layout.fingerprint());
        }
    }

    /**
     * @throws CorruptCacheException if there are not as many heads as the layout says
     */
    void checkShape(CacheLayout layout) {
        if (numLayers != layout.numLayers() || numKvHeads != layout.numKvHeads()) {
            throw new CorruptCacheException(
                    String.format(
                            "cache header with layers=%d, kvHeads=%d, expected %d and %d",
                            numLayers, numKvHeads, layout.numLayers(), layout.numKvHeads()));
        }
    }

    /** Pages of all heads. */
    long pages() {
        return heads.stream().mapToLong(SavedHead::pages).sum();
    }

    /** Pages of all heads if each gets {@code more} slots. */
    long pagesWith(int more) {
        return heads.stream().mapToLong(head -> HeadCache.pagesOf(head.slots() + more)).sum();
    }
}
