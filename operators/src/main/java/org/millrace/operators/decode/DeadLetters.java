package org.millrace.operators.decode;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.millrace.schemas.DeadLetter;

/** Makes dead letters. Stateless. */
public final class DeadLetters {
    /** Most bytes of an original that a dead letter carries: it must itself fit under a broker's usual limit of 1 MiB. */
    public static final int MAX_ORIGINAL_BYTES = 512 * 1024;

    private static final int MAX_DETAIL_CHARACTERS = 4096;

    private DeadLetters() {}

    /** A dead letter for a record that no session could be made responsible for. */
    static DeadLetter of(RawRecord record, BadRequestException problem) {
        return builder(record.value(), problem.reason(), problem.getMessage())
                .setTopic(record.topic())
                .setPartition(record.partition())
                .setOffset(record.offset())
                .setTimestampMillis(record.timestampMillis())
                .setSessionId(sessionIdOrNull(record.key()))
                .build();
    }

    /**
     * A dead letter of {@code original}, without its place in Kafka.
     *
     * @param original bytes of the record's value, or null
     */
    public static DeadLetter.Builder builder(byte[] original, DeadLetterReason reason, String detail) {
        DeadLetter.Builder builder =
                DeadLetter.newBuilder()
                        .setReason(reason.code())
                        .setDetail(detail.substring(0, Math.min(detail.length(), MAX_DETAIL_CHARACTERS)));
        if (original != null) {
            builder.setOriginal(
                            ByteBuffer.wrap(
                                    Arrays.copyOf(original, Math.min(original.length, MAX_ORIGINAL_BYTES))))
                    .setOriginalLength(original.length)
                    .setOriginalSha256(sha256(original));
        }
        return builder;
    }

    private static String sessionIdOrNull(byte[] key) {
        try {
            return RequestDecoder.sessionId(key);
        } catch (BadRequestException e) {
            return null;
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
