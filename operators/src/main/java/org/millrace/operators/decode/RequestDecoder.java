// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.decode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.DeadLetters;
import org.millrace.operators.Origin;
import org.millrace.operators.OriginalValue;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.SamplingParams;
import org.millrace.schemas.WireFormat;

/**
 * Turns a raw record into a request that can be answered, as far as that can be told without the
 * model. Whatever the bytes, it returns or throws {@link BadRequestException}, as long as their
 * format can be told. Stateless.
 */
public final class RequestDecoder {
    /** Longest session id and longest request id, in bytes of UTF-8. */
    public static final int MAX_ID_BYTES = 1024;

    /** Largest value, in bytes. All of it fits in a dead letter. */
    public static final int MAX_VALUE_BYTES = OriginalValue.MAX_PREFIX_BYTES;

    private static final Set<String> ROLES = Set.of("system", "user", "assistant");

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
        check(request);
        return request;
    }

    /**
     * Whether a request could be answered, as far as it can be told without the model.
     *
     * @throws BadRequestException naming the first thing that is wrong
     */
    public static void check(PromptRequest request) throws BadRequestException {
        switch (request.getKind()) {
            case GENERATE -> {
                checkRequestId(request.getRequestId());
                checkPrompt(request);
                params(request);
                retention(request, RetentionPolicies.DEFAULT);
            }
            case CANCEL -> checkRequestId(request.getRequestId());
            case END_SESSION -> {}
            default ->
                    throw new BadRequestException(
                            DeadLetterReason.UNKNOWN_KIND,
                            "kind="
                                    + request.getKind()
                                    + ", must be one of GENERATE, CANCEL, END_SESSION");
        }
    }

    /**
     * What the sampler is asked for.
     *
     * @throws BadRequestException naming the parameter that is out of its range
     */
    public static GenerationParams params(PromptRequest request) throws BadRequestException {
        SamplingParams sampling = request.getSampling();
        GenerationLimits limits = request.getLimits();
        try {
            return new GenerationParams(
                    limits.getMaxTokens(),
                    sampling.getTemperature(),
                    sampling.getTopK(),
                    sampling.getTopP(),
                    sampling.getMinP(),
                    sampling.getRepetitionPenalty(),
                    sampling.getSeed(),
                    limits.getStopStrings(),
                    limits.getIgnoreEos(),
                    sampling.getLogprobs());
        } catch (IllegalArgumentException e) {
            throw new BadRequestException(DeadLetterReason.INVALID_PARAMETER, e.getMessage());
        }
    }

    /**
     * What the session's cache keeps of the turn.
     *
     * @param defaults text form for requests that do not say
     * @throws BadRequestException naming what is wrong with the policy or an option
     */
    public static Retention retention(PromptRequest request, String defaults)
            throws BadRequestException {
        try {
            return Retention.parse(
                    request.getRetention().isEmpty() ? defaults : request.getRetention());
        } catch (IllegalArgumentException e) {
            throw new BadRequestException(DeadLetterReason.INVALID_PARAMETER, e.getMessage());
        }
    }

    /** The session id that a key spells. */
    static String sessionId(byte[] key) throws BadRequestException {
        if (key == null) {
            throw new BadRequestException(
                    DeadLetterReason.NULL_KEY, "key=null, must be the session id");
        }
        if (key.length == 0) {
            throw new BadRequestException(
                    DeadLetterReason.SESSION_ID_EMPTY, "keyBytes=0, must be 1 to " + MAX_ID_BYTES);
        }
        if (key.length > MAX_ID_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.KEY_TOO_LONG,
                    "keyBytes=" + key.length + ", must be 1 to " + MAX_ID_BYTES);
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

    private static void checkRequestId(String requestId) throws BadRequestException {
        if (requestId.isEmpty()) {
            throw new BadRequestException(
                    DeadLetterReason.REQUEST_ID_EMPTY,
                    "requestIdBytes=0, must be 1 to " + MAX_ID_BYTES);
        }
        int bytes = requestId.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_ID_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.REQUEST_ID_TOO_LONG,
                    "requestIdBytes=" + bytes + ", must be 1 to " + MAX_ID_BYTES);
        }
    }

    private static void checkPrompt(PromptRequest request) throws BadRequestException {
        List<ChatMessage> messages = request.getMessages();
        if (request.getText() != null && !messages.isEmpty()) {
            throw new BadRequestException(
                    DeadLetterReason.TEXT_AND_MESSAGES,
                    "textLength="
                            + request.getText().length()
                            + ", messages="
                            + messages.size()
                            + ", must be one of them");
        }
        boolean empty =
                request.getText() != null
                        ? request.getText().isEmpty()
                        : messages.stream().allMatch(message -> message.getContent().isEmpty());
        if (empty) {
            throw new BadRequestException(
                    DeadLetterReason.EMPTY_PROMPT, "neither text nor a message has any content");
        }
        for (ChatMessage message : messages) {
            if (!ROLES.contains(message.getRole())) {
                throw new BadRequestException(
                        DeadLetterReason.UNKNOWN_ROLE,
                        "role="
                                + abbreviate(message.getRole())
                                + ", must be system, user or assistant");
            }
        }
    }

    private static String abbreviate(String text) {
        return DeadLetters.abbreviate(text, 64);
    }
}
