// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.client.OutputReader;

/** Reads topics to their ends. */
final class Drain {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final int QUIET_POLLS = 10;

    private Drain() {}

    /** For topics that nobody writes any more: ends when nothing has come for two seconds. */
    static void drain(OutputReader reader, Consumer<SpecificRecord> outputs) throws IOException {
        int quiet = 0;
        while (quiet < QUIET_POLLS) {
            List<SpecificRecord> records = reader.poll(POLL);
            records.forEach(outputs);
            quiet = records.isEmpty() ? quiet + 1 : 0;
        }
    }
}
