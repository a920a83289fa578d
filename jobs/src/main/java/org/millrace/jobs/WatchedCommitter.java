package org.millrace.jobs;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commits transactions, and sees those that are lost. Kafka's own committer logs a transaction that
 * the broker refuses to commit and goes on. After a restore that is no harm where the transaction
 * had been committed before; otherwise (it expired, somebody else has fenced its producer) answers
 * are gone: those count in the metric {@code millrace.lostTransactions} and are logged as an error.
 * The broker is asked which of the two it is, and where it does not know any more, because the
 * name's producer was initialised again or the name has expired, the topics are.
 */
final class WatchedCommitter implements Committer<KafkaCommittable> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchedCommitter.class);

    private final Committer<KafkaCommittable> committer;
    private final KafkaTopics topics;
    private final Properties kafka;
    private final Counter lostTransactions;

    WatchedCommitter(
            Committer<KafkaCommittable> committer,
            KafkaTopics topics,
            Properties kafka,
            MetricGroup parent) {
        this.committer = committer;
        this.topics = topics;
        this.kafka = kafka;
        this.lostTransactions = parent.addGroup("millrace").counter("lostTransactions");
    }

    @Override
    public void commit(Collection<CommitRequest<KafkaCommittable>> requests)
            throws IOException, InterruptedException {
        committer.commit(
                requests.stream()
                        .<CommitRequest<KafkaCommittable>>map(WatchedRequest::new)
                        .toList());
    }

    @Override
    public void close() throws IOException {
        try {
            committer.close();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("cannot close Kafka's committer", e);
        }
    }

    private void reportLost(KafkaCommittable transaction, String state, Throwable reason) {
        lostTransactions.inc();
        LOG.error(
                "LOST ANSWERS: transaction {} was not committed and never will be (broker: {}); its"
                        + " completions and dead letters are missing from the topics",
                transaction.getTransactionalId(),
                state,
                reason);
    }

    /** What the broker says of a transaction. */
    private String state(String transactionalId) {
        try (Admin admin = Admin.create(kafka)) {
            return admin.describeTransactions(List.of(transactionalId))
                    .description(transactionalId)
                    .get()
                    .state()
                    .toString();
        } catch (ExecutionException e) {
            return e.getCause().getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "not asked";
        }
    }

    /**
     * Whether an answer of the transaction can be read. The number at the end of its name is one
     * more than the checkpoint that its answers name ({@link SendOnce#CHECKPOINT_HEADER}).
     */
    private boolean isInTopics(String transactionalId) {
        try (AnswerTopics answers = AnswerTopics.of(topics, kafka)) {
            int dash = transactionalId.lastIndexOf('-');
            return answers.holdSentAfter(Long.parseLong(transactionalId.substring(dash + 1)) - 1);
        }
    }

    /** Passes everything on, and looks at failures. */
    private final class WatchedRequest implements CommitRequest<KafkaCommittable> {
        private final CommitRequest<KafkaCommittable> request;

        WatchedRequest(CommitRequest<KafkaCommittable> request) {
            this.request = request;
        }

        @Override
        public KafkaCommittable getCommittable() {
            return request.getCommittable();
        }

        @Override
        public int getNumberOfRetries() {
            return request.getNumberOfRetries();
        }

        @Override
        public void signalFailedWithKnownReason(Throwable reason) {
            String transaction = getCommittable().getTransactionalId();
            String state = state(transaction);
            if (state.equals(TransactionState.COMPLETE_COMMIT.toString())
                    || isInTopics(transaction)) {
                LOG.info("Transaction {} was committed before (broker: {})", transaction, state);
                request.signalAlreadyCommitted();
            } else {
                reportLost(getCommittable(), state, reason);
                request.signalFailedWithKnownReason(reason);
            }
        }

        @Override
        public void signalFailedWithUnknownReason(Throwable reason) {
            request.signalFailedWithUnknownReason(reason);
        }

        @Override
        public void retryLater() {
            request.retryLater();
        }

        @Override
        public void updateAndRetryLater(KafkaCommittable committable) {
            request.updateAndRetryLater(committable);
        }

        @Override
        public void signalAlreadyCommitted() {
            request.signalAlreadyCommitted();
        }

        /** Kafka's committer logs it. */
        @Override
        public String toString() {
            return request.toString();
        }
    }
}
