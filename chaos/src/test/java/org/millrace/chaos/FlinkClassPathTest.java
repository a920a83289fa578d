// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.List;
import org.junit.jupiter.api.Test;

class FlinkClassPathTest {
    @Test
    void nothingOfMillraceOrKafkaIsLeftWhereverTheCheckoutLies() {
        List<String> flink =
                List.of(
                        "/home/millrace/kafka/flink-runtime-2.3.0.jar",
                        "/home/millrace/kafka/flink-statebackend-rocksdb-2.3.0.jar");
        List<String> others =
                List.of(
                        "/home/millrace/chaos/target/classes",
                        "/home/millrace/e2e/target/test-classes",
                        "/home/millrace/jobs/target/millrace-jobs-0.1.0-SNAPSHOT.jar",
                        "/home/m2/kafka-clients-4.2.0.jar",
                        "/home/m2/kafka_2.13-4.2.0.jar",
                        "/home/m2/flink-connector-kafka-5.0.0-2.2.jar",
                        "/home/m2/flink-connector-base-2.3.0.jar");
        assertThat(FlinkClassPath.of(join(others) + File.pathSeparator + join(flink)))
                .isEqualTo(join(flink));
    }

    private static String join(List<String> entries) {
        return String.join(File.pathSeparator, entries);
    }
}
