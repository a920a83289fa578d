// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.millrace.engine.batch.StepResult;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.TokenDelta;

/** Everything that leaves the operator: completions, which are remembered, tokens, dead letters. */
final class Answers {
    private final Output<StreamRecord<OutputRecord>> output;
    private final SessionStateManager state;
    private final GenerationMetrics metrics;
    private final int remembered;

    Answers(
            Output<StreamRecord<OutputRecord>> output,
            SessionStateManager state,
            GenerationMetrics metrics,
            int remembered) {
        this.output = output;
        this.state = state;
        this.metrics = metrics;
        this.remembered = remembered;
    }

    void token(PromptEnvelope prompt, StepResult.Token token) {
        TokenDelta delta =
                TokenDelta.newBuilder()
                        .setSessionId(prompt.sessionId())
                        .setRequestId(prompt.requestId())
                        .setIndex(token.index())
                        .setTokenId(token.id())
                        .setText(token.text())
                        .setLogprob(Float.isNaN(token.logprob()) ? null : token.logprob())
                        .build();
        output.collect(
                OutputTags.TOKENS,
                new StreamRecord<>(
                        new OutputRecord(prompt.sessionId(), delta, prompt.origin().headers())));
    }

    /** Answers a prompt of the selected session and remembers the answer. */
    void completion(PromptEnvelope prompt, Completion completion) throws Exception {
        state.remember(prompt.requestId(), RecordCodec.COMPLETION.encode(completion), remembered);
        output.collect(record(prompt, completion));
        metrics.completed();
    }

    /** Answers a prompt of the selected session as it was answered before. */
    void repeat(PromptEnvelope prompt) throws Exception {
        Completion completion = decode(state.answer(prompt.requestId()));
        completion.setRepeated(true);
        output.collect(record(prompt, completion));
        metrics.repeated();
    }

    private static Completion decode(byte[] encoded) {
        try {
            return RecordCodec.COMPLETION.decode(encoded);
        } catch (RecordFormatException e) {
            throw new IllegalStateException("a remembered completion cannot be read", e);
        }
    }

    void deadLetter(
            PromptEnvelope prompt, DeadLetterReason reason, String detail, String partialText) {
        output.collect(
                OutputTags.DEAD_LETTERS,
                new StreamRecord<>(DeadLetters.of(prompt, reason, detail, partialText)));
        metrics.deadLettered();
    }

    private static StreamRecord<OutputRecord> record(PromptEnvelope prompt, Completion completion) {
        return new StreamRecord<>(
                new OutputRecord(prompt.sessionId(), completion, prompt.origin().answerHeaders()));
    }
}
