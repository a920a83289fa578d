package org.millrace.engine.kvcache;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.function.IntUnaryOperator;
import java.util.function.LongConsumer;
import java.util.zip.CRC32C;

/**
 * Stored form of a session's cache, version {@value #VERSION}. Little-endian; each of the three
 * parts ends with the CRC32C of all bytes before it.
 *
 * <pre>
 *   header  int32 magic "MRSC", int32 version, byte[32] fingerprint, int32 length (positions),
 *           int32 layers, int32 kvHeads, then per head (layer-major):
 *             int32 slots, int32 liveMask[ceil(slots / 32)];
 *           int32 crc
 *   page    int32 magic "MRPG", int32 version, the page as {@link KvPageDescriptor} draws it, int32 crc
 *   tails   int32 magic "MRTL", int32 version, then per head with slots % 32 != 0, per filled slot:
 *             int32 position, int8 only: float32 K scale, float32 V scale, T K[headDim], T V[headDim];
 *           int32 crc
 * </pre>
 *
 * A page's id is {@code layer << 48 | kvHead << 32 | ordinal}.
 */
final class SessionCacheCodec {
    static final int VERSION = 1;

    private static final int HEADER_MAGIC = 0x4353524D;
    private static final int PAGE_MAGIC = 0x4750524D;
    private static final int TAILS_MAGIC = 0x4C54524D;
    private static final int FINGERPRINT_BYTES = 32;
    private static final int PREFIX_BYTES = 8;
    private static final int CRC_BYTES = 4;

    private final PagePool pool;
    private final CacheLayout layout;
    private final KvPageDescriptor page;

    SessionCacheCodec(PagePool pool) {
        this.pool = pool;
        this.layout = pool.layout();
        this.page = layout.page();
    }

    static long pageId(int layer, int kvHead, int ordinal) {
        return (long) layer << 48 | (long) kvHead << 32 | ordinal;
    }

    byte[] encodeHeader(int length, HeadCache[] heads) {
        int bytes = PREFIX_BYTES + FINGERPRINT_BYTES + 3 * Integer.BYTES + CRC_BYTES;
        for (HeadCache head : heads) {
            bytes += Integer.BYTES * (1 + head.pages());
        }
        ByteBuffer out = start(bytes, HEADER_MAGIC);
        out.put(HexFormat.of().parseHex(layout.fingerprint()));
        out.putInt(length).putInt(layout.numLayers()).putInt(layout.numKvHeads());
        for (HeadCache head : heads) {
            out.putInt(head.slots());
            for (int ordinal = 0; ordinal < head.pages(); ordinal++) {
                out.putInt(head.liveMask(ordinal));
            }
        }
        return finish(out);
    }

    int writeFullPages(HeadCache[] heads, PageSink sink) {
        int written = 0;
        for (int i = 0; i < heads.length; i++) {
            HeadCache head = heads[i];
            for (int ordinal = head.storedPages(); ordinal < head.fullPages(); ordinal++) {
                sink.write(
                        pageId(i / layout.numKvHeads(), i % layout.numKvHeads(), ordinal),
                        encodePage(head.page(ordinal)));
                written++;
            }
            head.markStored(head.fullPages());
        }
        return written;
    }

    private byte[] encodePage(int number) {
        ByteBuffer out = start(PREFIX_BYTES + page.pageBytes() + CRC_BYTES, PAGE_MAGIC);
        pool.read(number, out.slice(PREFIX_BYTES, page.pageBytes()));
        out.position(PREFIX_BYTES + page.pageBytes());
        return finish(out);
    }

    byte[] encodeTails(HeadCache[] heads) {
        ByteArrayOutputStream slots = new ByteArrayOutputStream();
        ByteBuffer raw = ByteBuffer.allocate(page.pageBytes());
        ByteBuffer slotBytes = ByteBuffer.allocate(slotBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (HeadCache head : heads) {
            int filled = head.slots() % KvPageDescriptor.PAGE_SLOTS;
            if (filled == 0) {
                continue;
            }
            pool.read(head.page(head.fullPages()), raw);
            for (int slot = 0; slot < filled; slot++) {
                copySlot(raw, slot, slotBytes.clear());
                slots.write(slotBytes.array(), 0, slotBytes.position());
            }
        }
        ByteBuffer out = start(PREFIX_BYTES + slots.size() + CRC_BYTES, TAILS_MAGIC);
        return finish(out.put(slots.toByteArray()));
    }

    private int slotBytes() {
        int scales = page.type() == KvType.INT8 ? 2 * Float.BYTES : 0;
        return Integer.BYTES + scales + 2 * page.headDim() * page.elementBytes();
    }

    private void copySlot(ByteBuffer raw, int slot, ByteBuffer out) {
        out.putInt(raw.getInt(page.positionOffset(slot)));
        if (page.type() == KvType.INT8) {
            out.putInt(raw.getInt(page.keyScaleOffset(slot)));
            out.putInt(raw.getInt(page.valueScaleOffset(slot)));
        }
        for (int d = 0; d < page.headDim(); d++) {
            copyElement(raw, page.keyOffset(slot, d), out, out.position());
            out.position(out.position() + page.elementBytes());
        }
        out.put(
                out.position(),
                raw,
                page.valueOffset(slot, 0),
                page.headDim() * page.elementBytes());
        out.position(out.position() + page.headDim() * page.elementBytes());
    }

    private void restoreSlot(ByteBuffer in, int slot, ByteBuffer raw) {
        raw.putInt(page.positionOffset(slot), in.getInt());
        if (page.type() == KvType.INT8) {
            raw.putInt(page.keyScaleOffset(slot), in.getInt());
            raw.putInt(page.valueScaleOffset(slot), in.getInt());
        }
        for (int d = 0; d < page.headDim(); d++) {
            copyElement(in, in.position(), raw, page.keyOffset(slot, d));
            in.position(in.position() + page.elementBytes());
        }
        raw.put(page.valueOffset(slot, 0), in, in.position(), page.headDim() * page.elementBytes());
        in.position(in.position() + page.headDim() * page.elementBytes());
    }

    private void copyElement(ByteBuffer from, int fromIndex, ByteBuffer to, int toIndex) {
        switch (page.type()) {
            case F32 -> to.putInt(toIndex, from.getInt(fromIndex));
            case F16 -> to.putShort(toIndex, from.getShort(fromIndex));
            case INT8 -> to.put(toIndex, from.get(fromIndex));
        }
    }

    /**
     * Fills {@code heads}.
     *
     * @param commit told the number of pages before they are taken
     * @return positions in the cache
     */
    int restore(
            byte[] header,
            byte[] tails,
            PageSource source,
            HeadCache[] heads,
            LongConsumer commit) {
        ByteBuffer in = open(header, HEADER_MAGIC, "cache header");
        byte[] fingerprint = new byte[FINGERPRINT_BYTES];
        in.get(fingerprint);
        String stored = HexFormat.of().formatHex(fingerprint);
        if (!stored.equals(layout.fingerprint())) {
            throw new IncompatibleCacheException(
                    "cache of another model or configuration: fingerprint="
                            + stored
                            + ", expected="
                            + layout.fingerprint());
        }
        int length = in.getInt();
        in.position(in.position() + 2 * Integer.BYTES);
        int[] slots = new int[heads.length];
        int[][] masks = new int[heads.length][];
        long pages = 0;
        for (int i = 0; i < heads.length; i++) {
            slots[i] = in.getInt();
            masks[i] =
                    new int
                            [(slots[i] + KvPageDescriptor.PAGE_SLOTS - 1)
                                    / KvPageDescriptor.PAGE_SLOTS];
            in.asIntBuffer().get(masks[i]);
            in.position(in.position() + Integer.BYTES * masks[i].length);
            pages += masks[i].length;
        }
        commit.accept(pages);
        for (int i = 0; i < heads.length; i++) {
            heads[i].restore(slots[i], masks[i], pool);
            readFullPages(i, heads[i], source);
        }
        readTails(tails, heads);
        return length;
    }

    private void readFullPages(int index, HeadCache head, PageSource source) {
        int layer = index / layout.numKvHeads();
        int kvHead = index % layout.numKvHeads();
        for (int ordinal = 0; ordinal < head.fullPages(); ordinal++) {
            String what = "page layer=" + layer + ", kvHead=" + kvHead + ", ordinal=" + ordinal;
            byte[] bytes = source.read(pageId(layer, kvHead, ordinal));
            if (bytes == null) {
                throw new CorruptCacheException("missing " + what);
            }
            if (bytes.length != PREFIX_BYTES + page.pageBytes() + CRC_BYTES) {
                throw new CorruptCacheException(
                        "wrong size of " + what + ": bytes=" + bytes.length);
            }
            pool.write(head.page(ordinal), open(bytes, PAGE_MAGIC, what));
        }
    }

    private void readTails(byte[] tails, HeadCache[] heads) {
        ByteBuffer in = open(tails, TAILS_MAGIC, "tail pages");
        try {
            for (HeadCache head : heads) {
                int filled = head.slots() % KvPageDescriptor.PAGE_SLOTS;
                if (filled > 0) {
                    ByteBuffer raw =
                            ByteBuffer.allocate(page.pageBytes()).order(ByteOrder.LITTLE_ENDIAN);
                    for (int slot = 0; slot < filled; slot++) {
                        restoreSlot(in, slot, raw);
                    }
                    pool.write(head.page(head.fullPages()), raw);
                }
            }
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new CorruptCacheException("tail pages end early: bytes=" + tails.length);
        }
    }

    static long[] fullPageIds(byte[] header) {
        ByteBuffer in = open(header, HEADER_MAGIC, "cache header");
        in.position(in.position() + FINGERPRINT_BYTES + Integer.BYTES);
        int numHeads = in.getInt();
        int numKvHeads = in.getInt();
        int[] fullPages = new int[numHeads * numKvHeads];
        for (int i = 0; i < fullPages.length; i++) {
            int slots = in.getInt();
            fullPages[i] = slots / KvPageDescriptor.PAGE_SLOTS;
            int pages = (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
            in.position(in.position() + Integer.BYTES * pages);
        }
        return fullPageIds(numKvHeads, i -> fullPages[i], fullPages.length);
    }

    static long[] fullPageIds(int numKvHeads, IntUnaryOperator fullPages, int heads) {
        long total = 0;
        for (int i = 0; i < heads; i++) {
            total += fullPages.applyAsInt(i);
        }
        long[] ids = new long[Math.toIntExact(total)];
        int next = 0;
        for (int i = 0; i < heads; i++) {
            for (int ordinal = 0; ordinal < fullPages.applyAsInt(i); ordinal++) {
                ids[next++] = pageId(i / numKvHeads, i % numKvHeads, ordinal);
            }
        }
        return ids;
    }

    private static ByteBuffer start(int bytes, int magic) {
        return ByteBuffer.allocate(bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(magic)
                .putInt(VERSION);
    }

    private static byte[] finish(ByteBuffer out) {
        out.putInt(checksum(out.array(), out.position()));
        return out.array();
    }

    /** Checks magic, version and checksum; the buffer is what lies between. */
    private static ByteBuffer open(byte[] bytes, int magic, String what) {
        if (bytes.length < PREFIX_BYTES + CRC_BYTES) {
            throw new CorruptCacheException("truncated " + what + ": bytes=" + bytes.length);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int end = bytes.length - CRC_BYTES;
        if (in.getInt() != magic || in.getInt(end) != checksum(bytes, end)) {
            throw new CorruptCacheException("checksum of " + what + " does not match");
        }
        int version = in.getInt();
        if (version != VERSION) {
            throw new IncompatibleCacheException(
                    "unknown format of " + what + ": version=" + version + ", known=" + VERSION);
        }
        return in.limit(end);
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
