// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.nio.ByteBuffer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.millrace.schemas.DeadLetter;

/** Makes dead letters. */
public final class DeadLetters {
    /** Longest detail, in characters, before its length is told. */
    static final int MAX_DETAIL = 2000;

    private DeadLetters() {}

    /** The metric that counts an operator's dead letters. */
    public static Counter counter(MetricGroup operator) {
        return operator.addGroup("millrace").counter("deadLetters");
    }

    /**
     * A dead letter for a request that was decoded.
     *
     * @param partialText generated before it failed
     */
    static OutputRecord of(
            PromptEnvelope envelope, DeadLetterReason reason, String detail, String partialText) {
        return of(
                envelope.origin(),
                envelope.original(),
                envelope.sessionId(),
                envelope.requestId(),
                reason,
                detail,
                partialText);
    }

    /**
     * A dead letter for any record of the prompts topic.
     *
     * @param sessionId null if it could not be read
     * @param requestId null if it could not be read
     * @param detail the limit and the offender by name and value
     */
    public static OutputRecord of(
            Origin origin,
            OriginalValue original,
            String sessionId,
            String requestId,
            DeadLetterReason reason,
            String detail) {
        return of(origin, original, sessionId, requestId, reason, detail, "");
    }

    private static OutputRecord of(
            Origin origin,
            OriginalValue original,
            String sessionId,
            String requestId,
            DeadLetterReason reason,
            String detail,
            String partialText) {
        DeadLetter letter =
                DeadLetter.newBuilder()
                        .setTopic(origin.topic())
                        .setPartition(origin.partition())
                        .setOffset(origin.offset())
                        .setTimestampMillis(origin.timestampMillis())
                        .setSessionId(sessionId)
                        .setRequestId(requestId)
                        .setReason(reason.code())
                        .setDetail(abbreviate(detail, MAX_DETAIL))
                        .setOriginal(
                                original.prefix() == null
                                        ? null
                                        : ByteBuffer.wrap(original.prefix()))
                        .setOriginalLength(original.length())
                        .setOriginalSha256(original.sha256())
                        .setPartialText(partialText)
                        .build();
        return new OutputRecord(sessionId, letter, origin.deadLetterHeaders());
    }

    /** The text, or if it is longer than {@code most} characters its beginning and its length. */
    public static String abbreviate(String text, int most) {
        if (text.length() <= most) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
        return text.substring(0, end) + "... (length=" + text.length() + ")";
    }
}
