// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import org.apache.avro.specific.SpecificRecord;

/** Avro's single-object encoding: all that is needed to read a record is in its codec. */
enum SingleObjectFormat implements WireFormat {
    INSTANCE;

    @Override
    public <T extends SpecificRecord> byte[] encode(RecordCodec<T> codec, T value) {
        return codec.encode(value);
    }

    @Override
    public <T extends SpecificRecord> T decode(RecordCodec<T> codec, byte[] bytes)
            throws RecordFormatException {
        return codec.decode(bytes);
    }
}
