// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate.Message;

/** What the bare engine answers, one prompt after the other. */
final class DirectAnswers implements AutoCloseable {
    private final Model model;
    private final Generator generator;

    DirectAnswers(EngineOptions options) {
        model = Model.open(Path.of(options.model()), options.modelOptions());
        generator = new Generator(model, options.generatorOptions());
    }

    Answer.Generated answer(String system, String prompt, GenerationParams params) {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new Message("system", system));
        }
        messages.add(new Message("user", prompt));
        try (SessionCache cache = generator.newCache()) {
            return answered(run(cache, Transcript.EMPTY, firstTurn(messages), params));
        }
    }

    /** The turns of a session, one after the other. */
    List<Answer.Generated> session(List<String> prompts, GenerationParams params) {
        List<Answer.Generated> answers = new ArrayList<>();
        Transcript history = Transcript.EMPTY;
        try (SessionCache cache = generator.newCache()) {
            for (String prompt : prompts) {
                List<Message> messages = List.of(new Message("user", prompt));
                int[] tokens =
                        answers.isEmpty()
                                ? firstTurn(messages)
                                : nextTurn(messages, history.tokens());
                Sequence sequence = run(cache, history, tokens, params);
                history = sequence.transcript();
                answers.add(answered(sequence));
            }
        }
        return answers;
    }

    private int[] firstTurn(List<Message> messages) {
        return model.chatTemplate().encodeFirstTurn(messages);
    }

    private int[] nextTurn(List<Message> messages, int[] history) {
        boolean ended = model.tokenizer().endOfSequence().contains(history[history.length - 1]);
        return model.chatTemplate().encodeNextTurn(messages, ended);
    }

    private Sequence run(
            SessionCache cache, Transcript history, int[] prompt, GenerationParams params) {
        Sequence sequence = new Sequence(cache, history, prompt, params, Retention.FULL, null);
        generator.submit(sequence);
        while (sequence.finishReason() == null) {
            generator.step();
        }
        return sequence;
    }

    private static Answer.Generated answered(Sequence sequence) {
        float[] logprobs = sequence.logprobs();
        return new Answer.Generated(
                sequence.text(),
                sequence.finishReason(),
                sequence.promptTokens(),
                sequence.generated().length,
                IntStream.range(0, logprobs.length).mapToDouble(i -> logprobs[i]).sum());
    }

    @Override
    public void close() {
        generator.close();
        model.close();
    }
}
