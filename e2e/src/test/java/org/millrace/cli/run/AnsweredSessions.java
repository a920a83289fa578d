// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

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
            do {
                for (SpecificRecord output : reader.readToEnd()) {
                    if (output instanceof Completion completion) {
                        sessions.add(completion.getSessionId());
                    }
                }
            } while (sessions.size() < expected && System.nanoTime() < deadline);
        }
        return sessions;
    }
}
