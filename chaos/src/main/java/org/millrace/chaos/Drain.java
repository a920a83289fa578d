// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.client.OutputReader;

/** Reads topics to their ends. */
final class Drain {
    private Drain() {}

    /** For topics that nobody writes any more. */
    static void drain(OutputReader reader, Consumer<SpecificRecord> outputs) throws IOException {
        reader.readToEnd().forEach(outputs);
    }
}
