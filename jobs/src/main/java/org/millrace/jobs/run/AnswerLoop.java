package org.millrace.jobs.run;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.client.OutputReader;
import org.millrace.jobs.client.PromptPublisher;
import org.millrace.schemas.PromptRequest;

/** Publishes a run's requests and reads what comes back. */
final class AnswerLoop {
    private static final Duration POLL = Duration.ofMillis(100);

    private final RunningJob job;
    private final Properties kafka;
    private final KafkaTopics topics;
    private final RunProgress progress;
    private final RunView view;

    AnswerLoop(
            RunningJob job,
            Properties kafka,
            KafkaTopics topics,
            RunProgress progress,
            RunView view) {
        this.job = job;
        this.kafka = kafka;
        this.topics = topics;
        this.progress = progress;
        this.view = view;
    }

    /**
     * Returns when {@code finished} says so.
     *
     * @throws IOException if the job ends before, with its reason
     */
    void run(List<PromptRequest> requests, BooleanSupplier finished) throws Exception {
        try (OutputReader reader = OutputReader.fromEnd(kafka, topics)) {
            publish(requests);
            while (!finished.getAsBoolean()) {
                job.checkRunning();
                for (SpecificRecord output : reader.poll(POLL)) {
                    if (progress.accept(output, System.nanoTime())) {
                        view.show(output);
                    }
                }
                if (!requests.isEmpty()) {
                    view.status(progress.summary());
                }
            }
        }
    }

    private void publish(List<PromptRequest> requests) throws IOException {
        try (PromptPublisher publisher = new PromptPublisher(kafka, topics.prompts())) {
            List<CompletableFuture<RecordMetadata>> sent =
                    requests.stream()
                            .map(
                                    request -> {
                                        progress.published(request, System.nanoTime());
                                        return publisher.publish(request);
                                    })
                            .toList();
            publisher.flush();
            for (int i = 0; i < sent.size(); i++) {
                progress.sent(requests.get(i), sent.get(i).join());
            }
        } catch (CompletionException e) {
            throw new IOException(
                    "cannot publish to " + topics.prompts() + ": " + e.getCause().getMessage(), e);
        }
    }
}
