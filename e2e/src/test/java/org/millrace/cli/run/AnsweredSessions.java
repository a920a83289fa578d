// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.client.OutputReader;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.Completion;

/** What a finished run has answered. */
final class AnsweredSessions {
    private AnsweredSessions() {}

    /**
     * Sessions of all completions that a reader of committed records sees, each as often as it was
     * answered.
     *
     * @param expected so many at least are waited for, as a broker that has just started may take
     *     its time to answer for each partition
     */
    static List<String> read(Properties kafka, KafkaTopics topics, int expected) throws Exception {
        List<String> sessions = new ArrayList<>();
        try (OutputReader reader = OutputReader.fromBeginning(kafka, topics)) {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            int quiet = 0;
            while (quiet < 5 || sessions.size() < expected && System.nanoTime() < deadline) {
                List<SpecificRecord> outputs = reader.poll(Duration.ofMillis(200));
                quiet = outputs.isEmpty() ? quiet + 1 : 0;
                for (SpecificRecord output : outputs) {
                    if (output instanceof Completion completion) {
                        sessions.add(completion.getSessionId());
                    }
                }
            }
        }
        return sessions;
    }
}
