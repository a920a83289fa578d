// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.client.TopicContents;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.DeadLetter;
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
        if (requests.isEmpty() && !wholeTopic) {
            while (!finished.getAsBoolean()) {
                job.checkRunning();
                Thread.sleep(POLL.toMillis());
            }
            return;
        }
        try (OutputReader reader = OutputReader.fromEnd(kafka, topics)) {
            publish(continues || wholeTopic ? takeUp(requests) : requests);
            while (!finished.getAsBoolean()) {
                job.checkRunning();
                for (SpecificRecord output : reader.poll(POLL)) {
                    if (isOfPrompts(output) && progress.accept(output, System.nanoTime())) {
                        view.show(output);
                    }
                }
                view.status(progress.summary());
            }
            progress.skipped(reader.skipped());
        }
    }

    /** Jobs with other prompts may write to the same dead letters. */
    private boolean isOfPrompts(SpecificRecord output) {
        return !(output instanceof DeadLetter letter) || letter.getTopic().equals(topics.prompts());
    }

    /**
     * Notes what the topics hold, of {@code requests} or altogether; returns the requests that are
     * not there. The reader of new outputs stands at their ends already, so none is missed.
     */
    private List<PromptRequest> takeUp(List<PromptRequest> requests) throws IOException {
        TopicContents contents = TopicContents.read(kafka, topics);
        long nanos = System.nanoTime();
        for (TopicContents.Prompt prompt :
                wholeTopic ? contents.prompts() : contents.held(requests)) {
            progress.found(prompt, nanos);
        }
        contents.answers().stream().filter(this::isOfPrompts).forEach(progress::answeredBefore);
        progress.skipped(contents.skipped());
        return contents.missing(requests);
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
