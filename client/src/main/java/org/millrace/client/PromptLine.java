// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static com.fasterxml.jackson.annotation.JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY;

import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.List;
import java.util.Locale;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;

/** A line of a prompts file. What is null takes the schema's default. */
record PromptLine(
        String kind,
        String session,
        String request,
        String text,
        List<Message> messages,
        Integer maxTokens,
        @JsonFormat(with = ACCEPT_SINGLE_VALUE_AS_ARRAY) List<String> stop,
        Boolean ignoreEos,
        Float temperature,
        Integer topK,
        Float topP,
        Float minP,
        Float repetitionPenalty,
        Long seed,
        Boolean logprobs,
        String retention,
        Integer priority,
        Long deadlineMillis,
        String tenant) {

    /** A chat message. */
    record Message(String role, String content) {}

    /**
     * The line as a record of the topic.
     *
     * @throws IllegalArgumentException if a field that has no default is missing, or there is no
     *     such kind
     */
    PromptRequest toRequest() {
        RequestKind parsedKind = kind == null ? RequestKind.GENERATE : kind(kind);
        PromptRequest.Builder builder =
                PromptRequest.newBuilder()
                        .setKind(parsedKind)
                        .setSessionId(required("session", session))
                        .setText(text)
                        .setSampling(sampling())
                        .setLimits(limits());
        if (parsedKind != RequestKind.END_SESSION) {
            builder.setRequestId(required("request", request));
        }
        if (messages != null) {
            builder.setMessages(messages.stream().map(PromptLine::message).toList());
        }
        if (priority != null) {
            builder.setPriority(priority);
        }
        if (retention != null) {
            builder.setRetention(retention);
        }
        if (deadlineMillis != null) {
            builder.setDeadlineMillis(deadlineMillis);
        }
        if (tenant != null) {
            builder.setTenant(tenant);
        }
        return builder.build();
    }

    private static RequestKind kind(String name) {
        try {
            return RequestKind.valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "kind=" + name + ", must be generate, cancel or end_session", e);
        }
    }

    private static ChatMessage message(Message message) {
        return new ChatMessage(
                required("messages.role", message.role()),
                required("messages.content", message.content()));
    }

    private SamplingParams sampling() {
        SamplingParams.Builder builder = SamplingParams.newBuilder();
        if (temperature != null) {
            builder.setTemperature(temperature);
        }
        if (topK != null) {
            builder.setTopK(topK);
        }
        if (topP != null) {
            builder.setTopP(topP);
        }
        if (minP != null) {
            builder.setMinP(minP);
        }
        if (repetitionPenalty != null) {
            builder.setRepetitionPenalty(repetitionPenalty);
        }
        if (seed != null) {
            builder.setSeed(seed);
        }
        if (logprobs != null) {
            builder.setLogprobs(logprobs);
        }
        return builder.build();
    }

    private GenerationLimits limits() {
        GenerationLimits.Builder builder = GenerationLimits.newBuilder();
        if (maxTokens != null) {
            builder.setMaxTokens(maxTokens);
        }
        if (stop != null) {
            builder.setStopStrings(stop);
        }
        if (ignoreEos != null) {
            builder.setIgnoreEos(ignoreEos);
        }
        return builder.build();
    }

    private static String required(String name, String value) {
        if (value == null) {
            throw new IllegalArgumentException("field \"" + name + "\" is missing");
        }
        return value;
    }
}
