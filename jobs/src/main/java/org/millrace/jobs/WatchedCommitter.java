// SPDX-License-Identifier: Apache-2.0
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
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commits transactions, and sees those that are lost. Kafka's own committer logs a transaction that
 * the broker refuses to commit and goes on. After a restore that is no harm where the transaction
 * had been committed before; otherwise (it expired, somebody else has fenced its producer) its
 * answers are not in the topics. The broker is asked which of the two it is, and where it does not
 * know any more, because the name's producer was initialised again or the name has expired, the
 * topics are.
 *
 * <p>Lost transactions count in the metric {@code millrace.lostTransactions} and are logged as an
 * error. One of a restored checkpoint is left to {@link SendOnce}, which keeps its answers and
 * sends them again; one of this execution fails the task, so that the checkpoint is restored.
 */
final class WatchedCommitter implements Committer<KafkaCommittable> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchedCommitter.class);

    private final Committer<KafkaCommittable> committer;
    private final KafkaTopics topics;
    private final Properties kafka;
    private final String transactionPrefix;
    private final Counter lostTransactions;

    WatchedCommitter(
            Committer<KafkaCommittable> committer,
            KafkaTopics topics,
            Properties kafka,
            String transactionPrefix,
            MetricGroup parent) {
        this.committer = committer;
        this.topics = topics;
        this.kafka = kafka;
        this.transactionPrefix = transactionPrefix;
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

    /** Whether the transaction was committed, by its name and producer or by the topics. */
    private boolean wasCommitted(KafkaCommittable transaction) {
        String name = transaction.getTransactionalId();
        boolean isKnown = false;
        String state = "not asked";
        try (Admin admin = Admin.create(kafka)) {
            TransactionDescription known =
                    admin.describeTransactions(List.of(name)).description(name).get();
            state = known.toString();
            // A later transaction of that name has another producer, or a higher epoch: a commit
            // adds one to it at most.
            isKnown =
                    known.state() == TransactionState.COMPLETE_COMMIT
                            && known.producerId() == transaction.getProducerId()
                            && known.producerEpoch() <= transaction.getEpoch() + 1;
        } catch (ExecutionException e) {
            state = e.getCause().getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        boolean wasCommitted = isKnown || AnswerTopics.hold(kafka, topics, transactionPrefix, name);
        if (wasCommitted) {
            LOG.info("Transaction {} was committed before (broker: {})", name, state);
        } else {
            LOG.error(
                    "LOST TRANSACTION: {} was not committed and never will be (broker: {}); its"
                            + " completions and dead letters are sent again after a restore",
                    name,
                    state);
        }
        return wasCommitted;
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
            if (wasCommitted(getCommittable())) {
                request.signalAlreadyCommitted();
            } else {
                lostTransactions.inc();
                if (getCommittable().getProducer().isPresent()) {
                    request.signalFailedWithUnknownReason(reason);
                } else {
                    request.signalFailedWithKnownReason(reason);
                }
            }
        }

        /**
         * No reason to try again: the broker has forgotten a name that was not used for long, or an
         * ACL was taken away.
         */
        @Override
        public void signalFailedWithUnknownReason(Throwable reason) {
            var refusal =
                    ExceptionUtils.findThrowable(
                            reason, TransactionalIdAuthorizationException.class);
            if (refusal.isPresent()) {
                throw Permissions.ofTransactions(transactionPrefix, refusal.get());
            }
            if (ExceptionUtils.findThrowable(reason, InvalidPidMappingException.class)
                    .isPresent()) {
                signalFailedWithKnownReason(reason);
            } else {
                request.signalFailedWithUnknownReason(reason);
            }
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
