// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate.Message;

/** What the bare engine answers, one prompt after the other. */
final class DirectAnswers implements AutoCloseable {
    private final Model model;
    private final Generator generator;

    DirectAnswers(EngineOptions options) {
        model = Model.open(options.model(), options.modelOptions());
        generator = new Generator(model, options.generatorOptions());
    }

    Answer.Generated answer(String system, String prompt, GenerationParams params) {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new Message("system", system));
        }
        messages.add(new Message("user", prompt));
        Sequence sequence =
                new Sequence(
                        generator.newCache(),
                        Transcript.EMPTY,
                        model.chatTemplate().encodeFirstTurn(messages),
                        params,
                        Retention.FULL,
                        null);
        generator.submit(sequence);
        while (sequence.finishReason() == null) {
            generator.step();
        }
        sequence.cache().close();
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
