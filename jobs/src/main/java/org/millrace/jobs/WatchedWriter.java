// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaWriterState;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kafka's transactional writer, which it closes. The job fails for good if it may begin its
 * transactions no longer. A producer in an error state cannot abort its transaction: Kafka's writer
 * throws that where it is closed, and Flink would end the whole TaskManager for it.
 *
 * @param <W> a writer that is both
 */
@SuppressWarnings("try") // Flink's close() throws whatever it likes.
final class WatchedWriter<
                W extends
                        StatefulSinkWriter<OutputRecord, KafkaWriterState>
                                & CommittingSinkWriter<OutputRecord, KafkaCommittable>>
        implements StatefulSinkWriter<OutputRecord, KafkaWriterState>,
                CommittingSinkWriter<OutputRecord, KafkaCommittable> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchedWriter.class);

    private final W writer;
    private final String transactionPrefix;

    WatchedWriter(W writer, String transactionPrefix) {
        this.writer = writer;
        this.transactionPrefix = transactionPrefix;
    }

    @Override
    public void write(OutputRecord answer, Context context)
            throws IOException, InterruptedException {
        writer.write(answer, context);
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        writer.flush(endOfInput);
    }

    @Override
    public void writeWatermark(Watermark watermark) throws IOException, InterruptedException {
        writer.writeWatermark(watermark);
    }

    @Override
    public Collection<KafkaCommittable> prepareCommit() throws IOException, InterruptedException {
        return writer.prepareCommit();
    }

    /** Begins the next transaction. */
    @Override
    public List<KafkaWriterState> snapshotState(long checkpointId) throws IOException {
        try {
            return writer.snapshotState(checkpointId);
        } catch (TransactionalIdAuthorizationException e) {
            throw Permissions.ofTransactions(transactionPrefix, e);
        }
    }

    @Override
    public void close() throws Exception {
        try {
            writer.close();
        } catch (KafkaException e) {
            LOG.warn("A transaction was not aborted; a restart or the broker will do it", e);
        }
    }
}
