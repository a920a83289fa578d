// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.decode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.millrace.jobs.Origin;
import org.millrace.jobs.OriginalValue;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.RejectedPrompt;
import org.millrace.operators.RequestCheck;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.WireFormat;

/**
 * Turns a raw record into a request that can be answered, as far as that can be told without the
 * model. Whatever the bytes, it returns or throws {@link BadRequestException}, as long as their
 * format can be told. Stateless.
 */
public final class RequestDecoder {
    /** Largest value, in bytes. All of it fits in a dead letter. */
    public static final int MAX_VALUE_BYTES = OriginalValue.MAX_PREFIX_BYTES;

    private RequestDecoder() {}

    /**
     * The request of a record.
     *
     * @throws BadRequestException naming the first thing that is wrong
     * @throws IOException if the format cannot tell now
     */
    public static PromptRequest decode(RawRecord record, WireFormat format)
            throws BadRequestException, IOException {
        String sessionId = sessionId(record.key());
        checkHeaders(record.origin());
        PromptRequest request = parse(record.value(), format);
        if (!request.getSessionId().equals(sessionId)) {
            throw new BadRequestException(
                    DeadLetterReason.KEY_MISMATCH,
                    "key="
                            + sessionId
                            + ", sessionId="
                            + abbreviate(request.getSessionId())
                            + ", must be equal");
        }
        RequestCheck.check(request);
        return request;
    }

    /** The session id that a key spells. */
    static String sessionId(byte[] key) throws BadRequestException {
        if (key == null) {
            throw new BadRequestException(
                    DeadLetterReason.NULL_KEY, "key=null, must be the session id");
        }
        if (key.length == 0) {
            throw new BadRequestException(
                    DeadLetterReason.SESSION_ID_EMPTY,
                    "keyBytes=0, must be 1 to " + RequestCheck.MAX_ID_BYTES);
        }
        if (key.length > RequestCheck.MAX_ID_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.KEY_TOO_LONG,
                    "keyBytes=" + key.length + ", must be 1 to " + RequestCheck.MAX_ID_BYTES);
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(key)).toString();
        } catch (CharacterCodingException e) {
            throw new BadRequestException(DeadLetterReason.INVALID_UTF8, "the key is not UTF-8");
        }
    }

    /** The session id that a key spells, or null if it spells none. */
    static String sessionIdOrNull(byte[] key) {
        try {
            return sessionId(key);
        } catch (BadRequestException e) {
            return null;
        }
    }

    private static void checkHeaders(Origin origin) throws BadRequestException {
        long bytes = origin.headerBytes();
        if (bytes > Origin.MAX_HEADER_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.TOO_LARGE,
                    "headerBytes=" + bytes + ", must be at most " + Origin.MAX_HEADER_BYTES);
        }
    }

    private static PromptRequest parse(byte[] value, WireFormat format)
            throws BadRequestException, IOException {
        if (value == null) {
            throw new BadRequestException(
                    DeadLetterReason.NULL_VALUE,
                    "value=null; to end a session send kind=END_SESSION");
        }
        if (value.length > MAX_VALUE_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.TOO_LARGE,
                    "valueBytes=" + value.length + ", must be at most " + MAX_VALUE_BYTES);
        }
        try {
            return format.decode(RecordCodec.PROMPT_REQUEST, value);
        } catch (RecordFormatException e) {
            throw new BadRequestException(reasonOf(e.problem()), e.getMessage());
        }
    }

    private static DeadLetterReason reasonOf(RecordFormatException.Problem problem) {
        return switch (problem) {
            case NOT_AVRO -> DeadLetterReason.NOT_AVRO;
            case UNKNOWN_SCHEMA -> DeadLetterReason.UNKNOWN_SCHEMA;
            case INCOMPATIBLE_SCHEMA -> DeadLetterReason.INCOMPATIBLE_SCHEMA;
            case INVALID_UTF8 -> DeadLetterReason.INVALID_UTF8;
            case MALFORMED -> DeadLetterReason.MALFORMED_AVRO;
        };
    }

    private static String abbreviate(String text) {
        return RejectedPrompt.abbreviate(text, 64);
    }
}
