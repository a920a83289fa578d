// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** The slots of one cache in memory, as state would hold them. */
public final class StoredSlots implements SlotSink, SlotSource {
    private final SortedMap<Long, byte[]> entries = new TreeMap<>();

    @Override
    public void write(long id, byte[] entry) {
        if (entries.put(id, entry) != null) {
            throw new AssertionError("written twice: id=" + id);
        }
    }

    @Override
    public void delete(long id) {
        if (entries.remove(id) == null) {
            throw new AssertionError("no such entry: id=" + id);
        }
    }

    @Override
    public byte[] read(long id) {
        return entries.get(id);
    }

    /** Entries by id; the receiver may change them. */
    public SortedMap<Long, byte[]> entries() {
        return entries;
    }

    /** Of all bytes of all entries. */
    int bytesHash() {
        return Arrays.deepHashCode(entries.values().toArray());
    }

    /** Slots in all entries, those included that nobody needs. */
    public int slots() {
        return entries.values().stream().mapToInt(entry -> slots(entry).size()).sum();
    }

    /**
     * All that is stored of a cache: equal only if every bit is, however it is cut into entries.
     *
     * @param saved by this one's last {@link SessionCache#save}
     */
    public List<Object> contents(SavedCache saved) {
        SavedHeader header = SavedHeader.read(saved.header());
        TreeMap<String, Integer> all = new TreeMap<>();
        // Newer ones last.
        entries.values().forEach(entry -> all.putAll(slots(entry)));
        all.keySet().retainAll(live(header));
        List<Object> withoutIds =
                List.of(
                        header.fingerprint(),
                        header.length(),
                        header.numLayers(),
                        header.numKvHeads(),
                        header.isProfiled(),
                        header.compactions(),
                        header.heads());
        return new ArrayList<>(
                List.of(
                        all,
                        withoutIds,
                        Arrays.hashCode(saved.scores()),
                        Arrays.hashCode(saved.profile())));
    }

    private static TreeSet<String> live(SavedHeader header) {
        TreeSet<String> live = new TreeSet<>();
        for (int head = 0; head < header.heads().size(); head++) {
            for (SavedHead.Run run : header.heads().get(head).runs()) {
                for (int page = 0; page < run.pages(); page++) {
                    live.addAll(names(head, run.ordinal() + page, run.liveMask()));
                }
            }
        }
        return live;
    }

    private static List<String> names(int head, int ordinal, int mask) {
        List<String> names = new ArrayList<>();
        for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
            if ((mask >>> slot & 1) != 0) {
                names.add(String.format("%d/%d/%02d", head, ordinal, slot));
            }
        }
        return names;
    }

    /** Hash of each slot's bytes, by its head, ordinal and slot. */
    private static TreeMap<String, Integer> slots(byte[] entry) {
        ByteBuffer in = ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN).position(8);
        List<String> names = new ArrayList<>();
        int runs = in.getInt();
        for (int i = 0; i < runs; i++) {
            names.addAll(names(in.getInt(), in.getInt(), in.getInt()));
        }
        byte[] slot = new byte[(in.remaining() - 4) / names.size()];
        TreeMap<String, Integer> slots = new TreeMap<>();
        for (String name : names) {
            in.get(slot);
            slots.put(name, Arrays.hashCode(slot));
        }
        return slots;
    }
}
