// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.IOException;
import java.io.Serializable;
import org.apache.avro.specific.SpecificRecord;

/** What comes before the binary Avro of a record on a topic. Implementations are thread safe. */
public interface WireFormat extends Serializable {
    /** Avro's own, as {@link RecordCodec} draws it. */
    WireFormat SINGLE_OBJECT = SingleObjectFormat.INSTANCE;

    /** The record with its header, in a new array. */
    <T extends SpecificRecord> byte[] encode(RecordCodec<T> codec, T value);

    /**
     * Reads a record.
     *
     * @throws RecordFormatException if the bytes are no record of this kind
     * @throws IOException if it cannot be told now what they are
     */
    <T extends SpecificRecord> T decode(RecordCodec<T> codec, byte[] bytes) throws IOException;
}
