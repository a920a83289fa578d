// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.Resource;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.NotAllowedException;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/**
 * A broker with an authorizer, and a job whose principal has the ACLs of {@code docs/operations.md}
 * or all but one of them.
 */
@ExtendWith(TestCluster.Extension.class)
class AuthorizationITCase {
    private static final Path DOCUMENT = Path.of("../docs/operations.md");
    private static final String COMMAND = "acl ";
    private static final AclBindingFilter OF_THE_JOB =
            new AclBindingFilter(
                    ResourcePatternFilter.ANY,
                    new AccessControlEntryFilter(
                            "User:millrace", null, AclOperation.ANY, AclPermissionType.ALLOW));

    @TempDir private Path directory;
    private EmbeddedBroker broker;
    private Admin admin;
    private Configuration job;

    @BeforeEach
    void startBroker() throws Exception {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0, secured());
        admin = Admin.create(kafka("admin"));
        Path properties = directory.resolve("kafka.properties");
        try (var out = Files.newBufferedWriter(properties)) {
            kafka("millrace").store(out, null);
        }
        job = new Configuration();
        job.set(MillraceOptions.KAFKA_PROPERTIES, properties.toString());
        job.set(GenerationOptions.MODEL, TestCluster.tinyModel());
        KafkaTopics.of(job).createMissing(admin, TestCluster.SLOTS);
    }

    @AfterEach
    void stopBroker() {
        admin.close();
        broker.close();
    }

    /** Clients give a name and a password; whatever has no ACL is denied. */
    private static Map<String, String> secured() {
        return Map.of(
                "listener.security.protocol.map",
                "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name",
                "PLAINTEXT",
                "sasl.enabled.mechanisms",
                "PLAIN",
                "sasl.mechanism.inter.broker.protocol",
                "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config",
                login("admin") + " user_admin=\"hush\" user_millrace=\"hush\";",
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users",
                "User:admin;User:ANONYMOUS");
    }

    private static String login(String user) {
        return "org.apache.kafka.common.security.plain.PlainLoginModule required username=\""
                + user
                + "\" password=\"hush\"";
    }

    private Properties kafka(String user) {
        Properties kafka = new Properties();
        kafka.setProperty("bootstrap.servers", broker.bootstrapServers());
        kafka.setProperty("security.protocol", "SASL_PLAINTEXT");
        kafka.setProperty("sasl.mechanism", "PLAIN");
        kafka.setProperty("sasl.jaas.config", login(user) + ";");
        return kafka;
    }

    @Test
    void documentedAclsAreEnough(TestCluster cluster) throws Exception {
        allow(documented());
        RunningJob first = cluster.submit(job);
        try (Outputs outputs = new Outputs(kafka("admin"), job)) {
            publish("good", "Hello there");
            publish("bad", "");
            outputs.await(first, o -> o.completions.size() + o.deadLetters.size() >= 2);
            job.set(StateRecoveryOptions.SAVEPOINT_PATH, first.stop());
            RunningJob second = cluster.submit(job);
            publish("again", "Hello there");
            outputs.await(second, o -> o.completions.size() >= 2);
            assertThat(outputs.deadLetters).hasSize(1);
            // With a poll after the next checkpoint.
            outputs.await(second, o -> hasCommittedOffsets());
            second.stop();
        }
    }

    private boolean hasCommittedOffsets() {
        try {
            return !admin.listConsumerGroupOffsets("millrace")
                    .partitionsToOffsetAndMetadata()
                    .get()
                    .isEmpty();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void eachAclThatIsMissingIsNamed(TestCluster cluster) throws Exception {
        List<AclBinding> documented = documented();
        for (AclBinding missing : documented) {
            List<AclBinding> others = new ArrayList<>(documented);
            others.remove(missing);
            allow(others);
            assertThatThrownBy(() -> cluster.submit(job))
                    .isInstanceOf(NotAllowedException.class)
                    .hasMessageContaining("principal " + named(missing));
        }
    }

    /** To describe a transaction is allowed, to begin one is not: nothing tells before. */
    @Test
    void jobThatMayNotBeginATransactionFailsOnce(TestCluster cluster) throws Exception {
        List<AclBinding> acls = new ArrayList<>(documented());
        AclBinding write = transactions(acls);
        acls.remove(write);
        acls.add(new AclBinding(write.pattern(), entry(AclOperation.DESCRIBE)));
        allow(acls);
        RunningJob failing = cluster.submit(job);
        try (Outputs outputs = new Outputs(kafka("admin"), job)) {
            assertFailsOnce(failing, outputs, write);
        }
    }

    @Tag("nightly")
    @Test
    void jobThatMayBeginTransactionsNoLongerFailsOnce(TestCluster cluster) throws Exception {
        List<AclBinding> acls = new ArrayList<>(documented());
        allow(acls);
        RunningJob failing = cluster.submit(job);
        try (Outputs outputs = new Outputs(kafka("admin"), job)) {
            publish("before", "Hello there");
            outputs.await(failing, o -> o.completions.size() >= 1);
            AclBinding write = transactions(acls);
            acls.remove(write);
            allow(acls);
            publish("after", "Hello there");
            assertFailsOnce(failing, outputs, write);
        }
    }

    private static AclBinding transactions(List<AclBinding> acls) {
        return acls.stream()
                .filter(acl -> acl.pattern().resourceType() == ResourceType.TRANSACTIONAL_ID)
                .findFirst()
                .orElseThrow();
    }

    private static void assertFailsOnce(RunningJob job, Outputs outputs, AclBinding missing) {
        assertThatThrownBy(() -> outputs.await(job, o -> o.completions.size() >= 2))
                .hasStackTraceContaining(named(missing))
                .hasStackTraceContaining("The failure is not recoverable");
    }

    /** What the tasks do all the time: their failures are Kafka's, and no reason to give up. */
    @Tag("nightly")
    @ParameterizedTest
    @CsvSource({"prompts, READ", "tokens, WRITE", "completions, WRITE"})
    void jobGoesOnWhenAnAclThatWasTakenAwayIsBack(
            String topic, AclOperation operation, TestCluster cluster) throws Exception {
        List<AclBinding> documented = documented();
        List<AclBinding> others = new ArrayList<>(documented);
        assertThat(others.removeIf(acl -> is(acl, topic, operation))).isTrue();
        allow(documented);
        job.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        job.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 1000);
        RunningJob running = cluster.submit(job);
        try (Outputs outputs = new Outputs(kafka("admin"), job);
                FlinkClient flink = new FlinkClient(cluster.webAddress(), "millrace")) {
            publish("before", "Hello there");
            outputs.await(running, o -> o.completions.size() >= 1);
            allow(others);
            publish("meanwhile", "Hello there");
            outputs.await(running, o -> flink.hasRestarted());
            allow(documented);
            outputs.await(running, o -> o.completions.size() >= 2);
            running.stop();
            outputs.drain();
            assertThat(outputs.completions)
                    .extracting(Completion::getSessionId)
                    .containsExactlyInAnyOrder("before", "meanwhile");
        }
    }

    private static boolean is(AclBinding acl, String topic, AclOperation operation) {
        return acl.pattern().resourceType() == ResourceType.TOPIC
                && acl.pattern().name().equals(topic)
                && acl.entry().operation() == operation;
    }

    /** Of the commands in the document, an operation each. */
    private static List<AclBinding> documented() throws IOException {
        List<AclBinding> acls = new ArrayList<>();
        for (String line : Files.readAllLines(DOCUMENT)) {
            if (line.startsWith(COMMAND)) {
                acls.addAll(acls(List.of(line.substring(COMMAND.length()).split(" "))));
            }
        }
        assertThat(acls).hasSize(10);
        return acls;
    }

    /** As {@code kafka-acls.sh} reads its arguments. */
    private static List<AclBinding> acls(List<String> arguments) {
        ResourceType type = ResourceType.UNKNOWN;
        String name = "";
        PatternType pattern = PatternType.LITERAL;
        List<AclOperation> operations = new ArrayList<>();
        for (int i = 0; i < arguments.size(); i++) {
            switch (arguments.get(i)) {
                case "--operation" -> operations.add(operation(arguments.get(++i)));
                case "--resource-pattern-type" ->
                        pattern = PatternType.fromString(arguments.get(++i).toUpperCase());
                case "--cluster" -> {
                    type = ResourceType.CLUSTER;
                    name = Resource.CLUSTER_NAME;
                }
                default -> {
                    type = type(arguments.get(i));
                    name = arguments.get(++i);
                }
            }
        }
        ResourcePattern resource = new ResourcePattern(type, name, pattern);
        return operations.stream()
                .map(operation -> new AclBinding(resource, entry(operation)))
                .toList();
    }

    private static AclOperation operation(String name) {
        return AclOperation.fromString(name.replace("DescribeConfigs", "Describe_Configs"));
    }

    private static ResourceType type(String option) {
        return switch (option) {
            case "--topic" -> ResourceType.TOPIC;
            case "--group" -> ResourceType.GROUP;
            case "--transactional-id" -> ResourceType.TRANSACTIONAL_ID;
            default -> throw new IllegalArgumentException(option);
        };
    }

    private static AccessControlEntry entry(AclOperation operation) {
        return new AccessControlEntry("User:millrace", "*", operation, AclPermissionType.ALLOW);
    }

    /** As the message of a refusal has it. */
    private static String named(AclBinding acl) {
        String name = acl.pattern().name();
        String resource =
                switch (acl.pattern().resourceType()) {
                    case TOPIC -> "topic=" + name;
                    case GROUP -> "group=" + name;
                    case TRANSACTIONAL_ID -> "transactional-id=" + name + "*";
                    default -> "cluster";
                };
        String operation =
                switch (acl.entry().operation()) {
                    case READ -> "Read";
                    case WRITE -> "Write";
                    default -> "DescribeConfigs";
                };
        return resource + " operation=" + operation;
    }

    /** These and no others, for the job; waits until the broker goes by them. */
    private void allow(List<AclBinding> acls) throws Exception {
        admin.deleteAcls(List.of(OF_THE_JOB)).all().get();
        admin.createAcls(acls).all().get();
        while (!Set.copyOf(admin.describeAcls(OF_THE_JOB).values().get())
                .equals(Set.copyOf(acls))) {
            Thread.sleep(20);
        }
    }

    private void publish(String session, String text) throws Exception {
        try (PromptPublisher publisher =
                new PromptPublisher(kafka("admin"), KafkaTopics.of(job).prompts())) {
            publisher.publish(
                    PromptRequest.newBuilder()
                            .setSessionId(session)
                            .setRequestId("r")
                            .setText(text)
                            .setLimits(
                                    GenerationLimits.newBuilder()
                                            .setMaxTokens(4)
                                            .setIgnoreEos(true)
                                            .build())
                            .build());
        }
    }
}
