// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Collection;
import java.util.List;
import org.apache.flink.state.rocksdb.RocksDBOptionsFactory;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompactionStyle;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;

/**
 * RocksDB for state that is written with every checkpoint and seldom read. A checkpoint flushes one
 * file per state, all of them at once; RocksDB would merge them, and the checkpoint after that
 * upload them, once there are four or 256 MiB, with all that was merged before. Keys and values of
 * attention do not compress.
 */
public final class WriteOnceOptions implements RocksDBOptionsFactory {
    /** Files of the first level before they are merged; a checkpoint adds one or a few. */
    static final int FILES_BEFORE_MERGE = 64;

    private static final long serialVersionUID = 1L;

    @Override
    public DBOptions createDBOptions(
            DBOptions currentOptions, Collection<AutoCloseable> handlesToClose) {
        return currentOptions
                .setAtomicFlush(true)
                // Entries of up to 1 MiB are read where the system has them, without a block of
                // fresh memory for each.
                .setAllowMmapReads(true);
    }

    @Override
    public ColumnFamilyOptions createColumnOptions(
            ColumnFamilyOptions currentOptions, Collection<AutoCloseable> handlesToClose) {
        return currentOptions
                // Flink sets this list, which outdoes the single type.
                .setCompressionPerLevel(List.of(CompressionType.NO_COMPRESSION))
                .setCompactionStyle(CompactionStyle.UNIVERSAL)
                .setLevel0FileNumCompactionTrigger(FILES_BEFORE_MERGE)
                .setLevel0SlowdownWritesTrigger(2 * FILES_BEFORE_MERGE)
                .setLevel0StopWritesTrigger(3 * FILES_BEFORE_MERGE);
    }
}
