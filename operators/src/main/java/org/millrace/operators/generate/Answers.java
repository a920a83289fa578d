// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.OutputTag;
import org.millrace.engine.batch.StepResult;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.OutputTags;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.SessionQueue;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.TokenDelta;

/**
 * Everything that leaves the operator, with the event time and the headers of its prompt:
 * completions, which are remembered, tokens, dead letters.
 */
final class Answers {
    private final Output<StreamRecord<Completion>> output;
    private final SessionStateManager state;
    private final GenerationMetrics metrics;
    private final GenerationSettings.Sessions settings;
    private final EventTimeClock eventTime;

    Answers(
            Output<StreamRecord<Completion>> output,
            SessionStateManager state,
            GenerationMetrics metrics,
            GenerationSettings.Sessions settings,
            EventTimeClock eventTime) {
        this.output = output;
        this.state = state;
        this.metrics = metrics;
        this.settings = settings;
        this.eventTime = eventTime;
    }

    void token(Queued.Turn turn, StepResult.Token token) {
        Prompt prompt = turn.prompt();
        TokenDelta delta =
                TokenDelta.newBuilder()
                        .setSessionId(prompt.session())
                        .setRequestId(prompt.requestId())
                        .setIndex(token.index())
                        .setTokenId(token.id())
                        .setText(token.text())
                        .setLogprob(Float.isNaN(token.logprob()) ? null : token.logprob())
                        .setHeaders(prompt.headers())
                        .build();
        collect(OutputTags.TOKENS, delta, turn);
    }

    /** Answers a turn of the selected session and remembers the answer. */
    void completion(Queued.Turn turn, Completion completion) throws Exception {
        // Remembered as it was made: headers and lateness are those of each request.
        state.remember(
                turn.prompt().requestId(),
                RecordCodec.COMPLETION.encode(completion),
                settings.rememberedRequests(),
                settings.rememberedBytes());
        collect(completion, turn);
        metrics.completed();
    }

    /** Answers a turn of the selected session as it was answered before. */
    void repeat(Queued.Turn turn) throws Exception {
        Completion completion = decode(state.answer(turn.prompt().requestId()));
        completion.setRepeated(true);
        collect(completion, turn);
        metrics.repeated();
    }

    private static Completion decode(byte[] encoded) {
        try {
            return RecordCodec.COMPLETION.decode(encoded);
        } catch (RecordFormatException e) {
            throw new IllegalStateException("a remembered completion cannot be read", e);
        }
    }

    void deadLetter(Queued.Turn turn, DeadLetterReason reason, String detail, String partialText) {
        collect(
                OutputTags.DEAD_LETTERS,
                new RejectedPrompt(turn.prompt(), reason, detail, partialText),
                turn);
        metrics.deadLettered();
    }

    private void collect(Completion completion, Queued.Turn turn) {
        completion.setHeaders(turn.prompt().headers());
        completion.setLate(eventTime.isLate(turn.timestampMillis()));
        output.collect(stamped(completion, turn));
    }

    private <T> void collect(OutputTag<T> tag, T value, Queued.Turn turn) {
        output.collect(tag, stamped(value, turn));
    }

    private static <T> StreamRecord<T> stamped(T value, Queued.Turn turn) {
        return turn.timestampMillis() == SessionQueue.NO_TIMESTAMP
                ? new StreamRecord<>(value)
                : new StreamRecord<>(value, turn.timestampMillis());
    }
}
