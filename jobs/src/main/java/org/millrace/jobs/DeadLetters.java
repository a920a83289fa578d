// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.ByteBuffer;
import java.util.List;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.Header;

/** Makes records of the dead-letters topic. */
public final class DeadLetters {
    private DeadLetters() {}

    /** A prompt that the operator refused. */
    static OutputRecord of(RejectedPrompt rejected) {
        PromptAttachment attachment =
                PromptAttachment.decode(
                        rejected.prompt().attachment(), rejected.prompt().request());
        DeadLetter letter =
                of(attachment.origin(), attachment.original())
                        .setSessionId(rejected.prompt().session())
                        .setRequestId(rejected.prompt().requestId())
                        .setReason(rejected.reason().code())
                        .setDetail(rejected.detail())
                        .setPartialText(rejected.partialText())
                        .build();
        return new OutputRecord(rejected.prompt().session(), letter, rejected.prompt().headers());
    }

    /**
     * A record of the prompts topic that is no prompt.
     *
     * @param sessionId null if it could not be read
     * @param detail the limit and the offender by name and value
     */
    public static OutputRecord of(
            Origin origin,
            OriginalValue original,
            String sessionId,
            DeadLetterReason reason,
            String detail) {
        List<Header> headers = origin.deadLetterHeaders();
        DeadLetter letter =
                of(origin, original)
                        .setSessionId(sessionId)
                        .setReason(reason.code())
                        .setDetail(RejectedPrompt.abbreviate(detail, RejectedPrompt.MAX_DETAIL))
                        .build();
        return new OutputRecord(sessionId, letter, headers);
    }

    private static DeadLetter.Builder of(Origin origin, OriginalValue original) {
        return DeadLetter.newBuilder()
                .setTopic(origin.topic())
                .setPartition(origin.partition())
                .setOffset(origin.offset())
                .setTimestampMillis(origin.timestampMillis())
                .setOriginal(original.prefix() == null ? null : ByteBuffer.wrap(original.prefix()))
                .setOriginalLength(original.length())
                .setOriginalSha256(original.sha256());
    }
}
