package org.millrace.engine.kvcache;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Stored form of a cache's page tables and counters, a section of version {@value
 * Sections#VERSION}. Little-endian.
 *
 * <pre>
 *   int32 magic "MRSC", int32 version, byte[32] fingerprint,
 *   int32 length (positions), int32 layers, int32 kvHeads, int32 profiled (1: statistics are stored beside),
 *   int32 n, then per compaction, oldest first:
 *     int32 start, end (positions), int64 keptSlots, droppedSlots, int32 bytes, utf8[bytes] retention,
 *   then per head (layer-major):
 *     int32 nextOrdinal, slots (taken, live or not), rung (-1: none), scoreMode,
 *     then per page: int32 ordinal, liveMask;
 *   int32 crc
 * </pre>
 *
 * Version 1 had neither {@code profiled} nor compactions, and per head {@code int32 slots, int32
 * liveMask[ceil(slots / 32)]}: a page's ordinal was its place in the table.
 */
record SavedHeader(
        String fingerprint,
        int length,
        int numLayers,
        int numKvHeads,
        boolean isProfiled,
        List<Compaction> compactions,
        List<SavedHead> heads) {
    private static final int MAGIC = 0x4353524D;
    private static final int FINGERPRINT_BYTES = 32;
    private static final int COMPACTION_BYTES = 28;

    static SavedHeader of(
            CacheLayout layout,
            int length,
            boolean isProfiled,
            List<Compaction> compactions,
            HeadCache[] heads) {
        List<SavedHead> saved = new ArrayList<>(heads.length);
        for (HeadCache head : heads) {
            int[] ordinals = new int[HeadCache.pagesOf(head.durableSlots())];
            int[] masks = new int[ordinals.length];
            for (int page = 0; page < ordinals.length; page++) {
                ordinals[page] = head.ordinal(page);
                masks[page] = head.durableMask(page);
            }
            saved.add(
                    new SavedHead(
                            head.nextOrdinal(),
                            head.durableSlots(),
                            head.rung(),
                            head.scoreMode(),
                            ordinals,
                            masks));
        }
        return new SavedHeader(
                layout.fingerprint(),
                length,
                layout.numLayers(),
                layout.numKvHeads(),
                isProfiled,
                compactions,
                saved);
    }

    byte[] encode() {
        List<byte[]> texts =
                compactions.stream()
                        .map(c -> c.retention().getBytes(StandardCharsets.UTF_8))
                        .toList();
        int bytes = FINGERPRINT_BYTES + 5 * Integer.BYTES;
        bytes += texts.stream().mapToInt(text -> COMPACTION_BYTES + text.length).sum();
        bytes += heads.stream().mapToInt(head -> 16 + 8 * head.ordinals().length).sum();
        ByteBuffer out = Sections.start(bytes, MAGIC);
        out.put(HexFormat.of().parseHex(fingerprint));
        out.putInt(length).putInt(numLayers).putInt(numKvHeads).putInt(isProfiled ? 1 : 0);
        out.putInt(compactions.size());
        for (int i = 0; i < compactions.size(); i++) {
            Compaction compaction = compactions.get(i);
            out.putInt(compaction.start()).putInt(compaction.end());
            out.putLong(compaction.keptSlots()).putLong(compaction.droppedSlots());
            out.putInt(texts.get(i).length).put(texts.get(i));
        }
        for (SavedHead head : heads) {
            out.putInt(head.nextOrdinal()).putInt(head.slots());
            out.putInt(head.rung()).putInt(head.scoreMode());
            for (int i = 0; i < head.ordinals().length; i++) {
                out.putInt(head.ordinals()[i]).putInt(head.liveMasks()[i]);
            }
        }
        return Sections.finish(out);
    }

    /**
     * @throws CorruptCacheException if the checksum fails, or numbers contradict each other
     * @throws IncompatibleCacheException if the format is unknown
     */
    static SavedHeader read(byte[] header) {
        ByteBuffer in = Sections.open(header, MAGIC, "cache header");
        try {
            return read(in, Sections.version(header) == 1);
        } catch (BufferUnderflowException e) {
            throw new CorruptCacheException("cache header ends early: bytes=" + header.length);
        }
    }

    private static SavedHeader read(ByteBuffer in, boolean isFirstVersion) {
        byte[] fingerprint = new byte[FINGERPRINT_BYTES];
        in.get(fingerprint);
        int length = in.getInt();
        int numLayers = in.getInt();
        int numKvHeads = in.getInt();
        boolean isProfiled = !isFirstVersion && in.getInt() != 0;
        List<Compaction> compactions = isFirstVersion ? List.of() : readCompactions(in);
        checkCount("layers", numLayers, Integer.BYTES, in);
        checkCount("kvHeads", numKvHeads, Integer.BYTES, in);
        checkCount("heads", (long) numLayers * numKvHeads, Integer.BYTES, in);
        List<SavedHead> heads = new ArrayList<>(numLayers * numKvHeads);
        for (int i = 0; i < numLayers * numKvHeads; i++) {
            heads.add(isFirstVersion ? readFirstVersion(in) : readHead(in));
            heads.get(i).check(length);
        }
        return new SavedHeader(
                HexFormat.of().formatHex(fingerprint),
                length,
                numLayers,
                numKvHeads,
                isProfiled,
                compactions,
                heads);
    }

    /** Before memory is allocated for it: so many items need so many bytes. */
    private static void checkCount(String what, long count, int itemBytes, ByteBuffer in) {
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

    private static SavedHead readHead(ByteBuffer in) {
        int nextOrdinal = in.getInt();
        int slots = in.getInt();
        int rung = in.getInt();
        int scoreMode = in.getInt();
        checkCount("slots", slots, 0, in);
        checkCount("pages", HeadCache.pagesOf(slots), 2 * Integer.BYTES, in);
        int[] ordinals = new int[HeadCache.pagesOf(slots)];
        int[] masks = new int[ordinals.length];
        for (int i = 0; i < ordinals.length; i++) {
            ordinals[i] = in.getInt();
            masks[i] = in.getInt();
        }
        return new SavedHead(nextOrdinal, slots, rung, scoreMode, ordinals, masks);
    }

    private static SavedHead readFirstVersion(ByteBuffer in) {
        int slots = in.getInt();
        checkCount("slots", slots, 0, in);
        int pages = HeadCache.pagesOf(slots);
        checkCount("pages", pages, Integer.BYTES, in);
        return new SavedHead(
                pages,
                slots,
                SessionCache.NO_RUNG,
                CacheView.SCORE_NONE,
                IntStream.range(0, pages).toArray(),
                IntStream.range(0, pages).map(i -> in.getInt()).toArray());
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
    int pages() {
        return heads.stream().mapToInt(head -> head.ordinals().length).sum();
    }

    /** Pages of all heads if each gets {@code more} slots. */
    long pagesWith(int more) {
        return heads.stream().mapToLong(head -> HeadCache.pagesOf(head.slots() + more)).sum();
    }

    /** Ids of the pages that are stored one by one. */
    long[] fullPageIds() {
        return IntStream.range(0, heads.size())
                .boxed()
                .flatMapToLong(
                        i ->
                                IntStream.of(heads.get(i).ordinals())
                                        .limit(heads.get(i).fullPages())
                                        .mapToLong(
                                                ordinal ->
                                                        SessionCacheCodec.pageId(
                                                                i / numKvHeads,
                                                                i % numKvHeads,
                                                                ordinal)))
                .toArray();
    }
}
