package org.millrace.jobs.run;

import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.client.OutputReader;
import org.millrace.jobs.client.PromptPublisher;
import org.millrace.jobs.client.TopicContents;
import org.millrace.schemas.PromptRequest;

/** Publishes a run's requests and reads what comes back. */
final class AnswerLoop {
    private static final Duration POLL = Duration.ofMillis(100);

    private final RunningJob job;
    private final Properties kafka;
    private final KafkaTopics topics;
    private final RunProgress progress;
    private final RunView view;
    private final boolean continues;
    private final boolean wholeTopic;

    /**
     * @param continues whether the topics may hold requests and answers of this run already
     * @param wholeTopic whether all that the prompts topic holds is waited for
     */
    AnswerLoop(
            RunningJob job,
            Properties kafka,
            KafkaTopics topics,
            RunProgress progress,
            RunView view,
            boolean continues,
            boolean wholeTopic) {
        this.job = job;
        this.kafka = kafka;
        this.topics = topics;
        this.progress = progress;
        this.view = view;
        this.continues = continues;
        this.wholeTopic = wholeTopic;
    }

    /**
     * Returns when {@code finished} says so.
     *
     * @throws IOException if the job ends before, with its reason
     */
    void run(List<PromptRequest> requests, BooleanSupplier finished) throws Exception {
        try (OutputReader reader = OutputReader.fromEnd(kafka, topics)) {
            publish(continues || wholeTopic ? takeUp(requests) : requests);
            while (!finished.getAsBoolean()) {
                job.checkRunning();
                for (SpecificRecord output : reader.poll(POLL)) {
                    if (progress.accept(output, System.nanoTime())) {
                        view.show(output);
                    }
                }
                if (!requests.isEmpty() || wholeTopic) {
                    view.status(progress.summary());
                }
            }
        }
    }

    /**
     * Notes what the topics hold, of {@code requests} or altogether; returns the requests that are
     * not there. The reader of new outputs stands at their ends already, so none is missed.
     */
    private List<PromptRequest> takeUp(List<PromptRequest> requests) {
        TopicContents contents = TopicContents.read(kafka, topics);
        List<PromptRequest> missing = contents.missing(requests);
        Set<PromptRequest> ours = new HashSet<>(requests);
        long nanos = System.nanoTime();
        for (TopicContents.Prompt prompt : contents.prompts()) {
            if (wholeTopic || ours.contains(prompt.request())) {
                progress.found(prompt, nanos);
            }
        }
        contents.answers().forEach(progress::answeredBefore);
        return missing;
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
