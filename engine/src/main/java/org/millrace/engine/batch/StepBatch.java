// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.List;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.EntrySink;
import org.millrace.engine.kvcache.PagePool;
import org.millrace.engine.kvcache.PageTables;
import org.millrace.engine.kvcache.Profile;
import org.millrace.engine.kvcache.ProfiledTurn;
import org.millrace.engine.kvcache.SessionCache;

/**
 * The inputs of a step in the kernels' memory: tokens, positions, page tables. Filled anew for each
 * step, in buffers for the largest step that there can be; of page tables only what changed is
 * sent.
 */
final class StepBatch implements AutoCloseable {
    private static final int MIN_END = 256;
    private static final int MIN_CHANGES = 1024;
    private static final int CHANGE_INTS = KernelProvider.CHANGE_BYTES / Integer.BYTES;

    private final KernelProvider kernels;
    private final PagePool pool;
    private final int contextLength;
    private final Resources owned = new Resources();
    private final Ints tokens;
    private final Ints rows;
    private final Ints sequences;
    private final Ints heads;
    private final PageTables tables;
    private final DeviceBuffer entries;
    private final Ints changes;
    private final int maxChanges;
    private final Ints faults;
    private final Ints logitRows;
    private final Ints profiles;
    private int numRows;
    private int numSequences;
    private int endPosition;
    private boolean isProfiled;
    private boolean isScored;

    /**
     * @param contextLength most positions of a sequence
     * @param maxRows of a step
     * @param maxSequences of a step
     */
    StepBatch(
            KernelProvider kernels,
            PagePool pool,
            int contextLength,
            int maxRows,
            int maxSequences) {
        this.kernels = kernels;
        this.pool = pool;
        this.contextLength = contextLength;
        int maxHeads = maxSequences * pool.layout().numHeads();
        tables = new PageTables(pool.pages(), maxHeads);
        // Those of two decode steps; more go in parts.
        maxChanges = Math.max(MIN_CHANGES, 2 * maxHeads);
        try {
            tokens = ints(maxRows);
            rows = ints(2L * maxRows);
            sequences = ints(2L * maxSequences);
            heads = ints(4L * maxHeads);
            entries = owned.add(kernels.allocate(8L * tables.capacity()));
            changes = ints(1 + (long) CHANGE_INTS * maxChanges);
            faults = ints(maxRows);
            logitRows = ints(maxRows);
            profiles = ints((long) ProfiledTurn.INTS * maxSequences);
        } catch (OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private Ints ints(long capacity) {
        return owned.add(new Ints(capacity));
    }

    /**
     * Takes slots for the slices' rows in their caches and uploads everything that the kernels
     * read.
     */
    void fill(List<Scheduler.Slice> slices) {
        CacheLayout layout = pool.layout();
        numSequences = slices.size();
        numRows = slices.stream().mapToInt(Scheduler.Slice::rows).sum();
        int[] firstSlots = new int[numSequences * layout.numHeads()];
        fillRows(slices, layout, firstSlots);
        fillHeads(slices, layout, firstSlots);
        fillProfiles(slices);
    }

    private void fillRows(List<Scheduler.Slice> slices, CacheLayout layout, int[] firstSlots) {
        IntBuffer tokenInts = tokens.start(numRows);
        IntBuffer rowInts = rows.start(2 * numRows);
        IntBuffer sequenceInts = sequences.start(2 * numSequences);
        faults.start(numRows).put(new int[numRows]);
        endPosition = 0;
        int row = 0;
        for (int s = 0; s < numSequences; s++) {
            Sequence sequence = slices.get(s).sequence();
            int count = slices.get(s).rows();
            int position = sequence.cache().nextPosition();
            sequenceInts.put(row).put(count);
            for (int i = 0; i < count; i++) {
                tokenInts.put(sequence.rowToken(i));
                rowInts.put(s).put(position + i);
            }
            row += count;
            endPosition = Math.max(endPosition, position + count);
            for (int head = 0; head < layout.numHeads(); head++) {
                firstSlots[s * layout.numHeads() + head] =
                        sequence.cache()
                                .slots(head / layout.numKvHeads(), head % layout.numKvHeads());
            }
            sequence.cache().append(count);
        }
        tokens.upload();
        rows.upload();
        sequences.upload();
        faults.upload();
    }

    /** Score modes are set only while a sequence generates, one row a step. */
    private void fillHeads(List<Scheduler.Slice> slices, CacheLayout layout, int[] firstSlots) {
        isScored = false;
        List<SessionCache> caches = slices.stream().map(slice -> slice.sequence().cache()).toList();
        tables.place(caches);
        IntBuffer headInts = heads.start(4 * numSequences * layout.numHeads());
        Changes changed = new Changes();
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            for (int s = 0; s < numSequences; s++) {
                SessionCache cache = caches.get(s);
                for (int kvHead = 0; kvHead < layout.numKvHeads(); kvHead++) {
                    int head = layer * layout.numKvHeads() + kvHead;
                    headInts.put(cache.firstEntry(layer, kvHead))
                            .put(cache.pages(layer, kvHead))
                            .put(firstSlots[s * layout.numHeads() + head])
                            .put(cache.scoreMode(layer, kvHead));
                    isScored |= cache.scoreMode(layer, kvHead) != CacheView.SCORE_NONE;
                    cache.takeChanges(layer, kvHead, changed);
                }
            }
        }
        heads.upload();
        changed.upload();
    }

    /** Collects changes of page tables; what is more than the step's own takes is made at once. */
    private final class Changes implements EntrySink {
        private IntBuffer ints = changes.start(1 + CHANGE_INTS * maxChanges);
        private int count;

        @Override
        public void change(int entry, int page, int liveMask) {
            if (count == maxChanges) {
                upload();
                kernels.updateTables(changes.device, entries);
                ints = changes.start(1 + CHANGE_INTS * maxChanges);
                count = 0;
            }
            int at = 1 + CHANGE_INTS * count++;
            ints.put(at, entry).put(at + 1, page).put(at + 2, liveMask);
        }

        void upload() {
            ints.put(0, count);
            changes.upload(1 + CHANGE_INTS * count);
        }
    }

    private void fillProfiles(List<Scheduler.Slice> slices) {
        isProfiled = false;
        IntBuffer ints = profiles.start(ProfiledTurn.INTS * numSequences);
        for (Scheduler.Slice slice : slices) {
            SessionCache cache = slice.sequence().cache();
            if (cache.profiledTurn() == null) {
                ints.put(new int[ProfiledTurn.INTS]);
            } else {
                cache.profiledTurn().write(cache.profileOffset(), ints);
                isProfiled = true;
            }
        }
        profiles.upload();
    }

    DeviceBuffer tokens() {
        return tokens.device;
    }

    CacheView view() {
        return new CacheView(
                pool.layout().page(),
                pool.storage(),
                numRows,
                numSequences,
                pool.layout().numKvHeads(),
                roundUp(endPosition),
                rows.device,
                sequences.device,
                heads.device,
                entries,
                changes.device,
                faults.device,
                pool.scores(),
                isScored,
                isProfiled ? new Profile(profiles.device, pool.statistics().buffer()) : null);
    }

    /** Seldom another value, so that steps are alike and providers can repeat them. */
    private int roundUp(int positions) {
        int rounded = Math.max(MIN_END, Integer.highestOneBit(2 * positions - 1));
        return Math.max(positions, Math.min(rounded, contextLength));
    }

    /** Uploads the rows whose logits are wanted, int[count]. */
    DeviceBuffer logitRows(int[] indices) {
        logitRows.start(indices.length).put(indices);
        logitRows.upload();
        return logitRows.device;
    }

    /**
     * Marks that kernels left on rows of the last step: int[numRows], 1 where a key or value is not
     * finite.
     */
    IntBuffer faults() {
        return faults.download(numRows);
    }

    @Override
    public void close() {
        owned.close();
    }

    /** An int array on the host with its copy in the kernels' memory. */
    private final class Ints implements AutoCloseable {
        private final ByteBuffer host;
        private final DeviceBuffer device;
        private int bytes;

        Ints(long capacity) {
            int maxBytes = Math.toIntExact(Integer.BYTES * capacity);
            host = ByteBuffer.allocateDirect(maxBytes).order(ByteOrder.LITTLE_ENDIAN);
            device = kernels.allocate(maxBytes);
        }

        IntBuffer start(int length) {
            bytes = Integer.BYTES * length;
            return host.clear().limit(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        }

        void upload() {
            device.write(0, host.clear().limit(bytes));
        }

        void upload(int length) {
            bytes = Integer.BYTES * length;
            upload();
        }

        IntBuffer download(int length) {
            host.clear().limit(Integer.BYTES * length);
            device.read(0, host);
            return host.flip().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        }

        @Override
        public void close() {
            device.close();
        }
    }
}
