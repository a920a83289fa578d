// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.SamplingParams;

/** Tells whether a request can be answered, as far as that can be told without the model. */
public final class RequestCheck {
    /** Longest session id and longest request id, in bytes of UTF-8. */
    public static final int MAX_ID_BYTES = 1024;

    private static final Set<String> ROLES = Set.of("system", "user", "assistant");

    private RequestCheck() {}

    /**
     * Whether a request could be answered, as far as it can be told without the model.
     *
     * @throws BadRequestException naming the first thing that is wrong
     */
    public static void check(PromptRequest request) throws BadRequestException {
        checkSessionId(request.getSessionId());
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

    private static void checkSessionId(String sessionId) throws BadRequestException {
        if (sessionId.isEmpty()) {
            throw new BadRequestException(
                    DeadLetterReason.SESSION_ID_EMPTY,
                    "sessionIdBytes=0, must be 1 to " + MAX_ID_BYTES);
        }
        int bytes = sessionId.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_ID_BYTES) {
            throw new BadRequestException(
                    DeadLetterReason.KEY_TOO_LONG,
                    "sessionIdBytes=" + bytes + ", must be 1 to " + MAX_ID_BYTES);
        }
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
        return RejectedPrompt.abbreviate(text, 64);
    }
}
