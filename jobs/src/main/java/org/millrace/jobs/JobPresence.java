// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.flink.api.common.JobID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows that a job runs, as a member of a consumer group that reads nothing, so that another job
 * that would answer the same prompts is refused. The group has the name that the job's transactions
 * begin with. The broker drops a member that has died after {@link #SESSION}.
 *
 * <p>Members of the same Flink job are one job: an earlier execution of it is in nobody's way.
 */
final class JobPresence implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(JobPresence.class);

    /** The shortest that brokers allow by default. */
    static final Duration SESSION = Duration.ofSeconds(6);

    /** For what a broker takes to see that a session is over. */
    private static final Duration PATIENCE = SESSION.plusSeconds(6);

    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration CLOSE = Duration.ofSeconds(2);

    /** Long, so that a busy machine does not take the classes from the thread while it closes. */
    private static final Duration END = Duration.ofSeconds(20);

    private static final long ASK_AGAIN_MILLIS = 200;
    private static final String CLIENT = "millrace-job-";

    private final Properties kafka;
    private final String group;
    private final String topic;
    private final JobID job;
    private final Thread thread = new Thread(this::run, "job-presence");
    private final KafkaConsumer<byte[], byte[]> member;

    /** Why the thread ended, if ACLs are why. */
    private volatile Optional<AuthorizationException> refusal = Optional.empty();

    /**
     * @param topic any that the group may subscribe to; nothing is read from it
     * @param job the one that is present
     */
    JobPresence(Properties kafka, String group, String topic, JobID job) {
        this.kafka = kafka;
        this.group = group;
        this.topic = topic;
        this.job = job;
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("group.id", group);
        properties.put("client.id", CLIENT + job);
        properties.put("group.protocol", "classic");
        properties.put("session.timeout.ms", Long.toString(SESSION.toMillis()));
        properties.put("heartbeat.interval.ms", Long.toString(SESSION.toMillis() / 3));
        // One that is no longer polled, because its task's class loader has gone, leaves by itself.
        properties.put("max.poll.interval.ms", Long.toString(SESSION.toMillis()));
        properties.put("enable.auto.commit", "false");
        properties.put("allow.auto.create.topics", "false");
        properties.remove("group.instance.id");
        member =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /**
     * Waits for a member of another job to be dropped, which it is if its process has died.
     *
     * @param own the job that asks, if it has an id yet
     * @throws OtherJobException if it stays
     * @throws IOException if the brokers cannot be asked
     */
    static void awaitOthersGone(Properties kafka, String group, Optional<JobID> own)
            throws IOException {
        long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
        try (Admin admin = Admin.create(kafka)) {
            while (true) {
                Optional<MemberDescription> other =
                        members(admin, group).stream()
                                .filter(member -> !isOf(member, own))
                                .findFirst();
                if (other.isEmpty()) {
                    return;
                }
                if (System.nanoTime() > deadlineNanos) {
                    throw new OtherJobException(group, jobId(other.get()), other.get().host());
                }
                Thread.sleep(ASK_AGAIN_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while looking for other jobs", e);
        }
    }

    private static Collection<MemberDescription> members(Admin admin, String group)
            throws IOException, InterruptedException {
        try {
            ConsumerGroupDescription description =
                    admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
            return description.members();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof GroupIdNotFoundException) {
                return List.of();
            }
            throw new IOException(
                    "cannot look for other jobs in consumer group "
                            + group
                            + ": "
                            + e.getCause().getMessage(),
                    e);
        }
    }

    private static boolean isOf(MemberDescription member, Optional<JobID> job) {
        return job.isPresent() && jobId(member).equals(job.get().toString());
    }

    private static String jobId(MemberDescription member) {
        return member.clientId().startsWith(CLIENT)
                ? member.clientId().substring(CLIENT.length())
                : member.clientId();
    }

    /** Begins to be seen. */
    void start() {
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits until others see this job, and then until there is no other: of two that start at the
     * same time at least one sees the other.
     *
     * @throws NotAllowedException if the group does not take this job
     */
    void awaitAlone() throws IOException, InterruptedException {
        try (Admin admin = Admin.create(kafka)) {
            while (thread.isAlive()
                    && members(admin, group).stream()
                            .noneMatch(seen -> isOf(seen, Optional.of(job)))) {
                Thread.sleep(ASK_AGAIN_MILLIS / 10);
            }
        }
        if (refusal.isPresent()) {
            throw Permissions.ofMember(group, topic, refusal.get());
        }
        awaitOthersGone(kafka, group, Optional.of(job));
    }

    private void run() {
        try {
            member.subscribe(List.of(topic), new ReadNothing(member));
            while (true) {
                member.poll(POLL);
            }
        } catch (WakeupException e) {
            LOG.debug("The job leaves group {}", group, e);
        } catch (AuthorizationException e) {
            refusal = Optional.of(e);
        } catch (KafkaException e) {
            LOG.error(
                    "Another job like this one would not be refused: cannot be in group {}",
                    group,
                    e);
        } finally {
            member.close(CloseOptions.timeout(CLOSE));
        }
    }

    /** Leaves the group, so that the next job need not wait. */
    @Override
    public void close() {
        member.wakeup();
        try {
            thread.join(END.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Keeps the member from reading what it is given. */
    private record ReadNothing(KafkaConsumer<byte[], byte[]> consumer)
            implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            consumer.pause(partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}
    }
}
