// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.millrace.operators.types.PromptSerializer;
import org.millrace.operators.types.ValueTypeInfo;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.Header;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;

/**
 * Input of {@link MillraceGeneration}: one turn of a session, or a control. A value: nobody changes
 * the request, the headers or the attachment once they are in here.
 *
 * <pre>{@code
 * Prompt.text("session-1", "request-1", "Name three rivers.").maxTokens(40).build()
 * }</pre>
 *
 * @param request what is asked for
 * @param headers go on with every record that answers the prompt
 * @param attachment the caller's own bytes, which come back with a {@link RejectedPrompt} and go
 *     nowhere else; empty for none
 */
@TypeInfo(Prompt.Info.class)
public record Prompt(PromptRequest request, List<Header> headers, byte[] attachment) {
    /** The one key that generation runs by: {@link #session()}. */
    public static final KeySelector<Prompt, String> BY_SESSION = new BySession();

    public static final TypeInformation<Prompt> TYPE =
            new ValueTypeInfo<>(Prompt.class, PromptSerializer.INSTANCE);

    private static final byte[] NOTHING = new byte[0];

    /** Heap that a prompt takes beside its texts, about. */
    private static final long OBJECT_BYTES = 512;

    public Prompt {
        headers = List.copyOf(headers);
    }

    /** A prompt of plain text, without a chat template. */
    public static Builder text(String session, String request, String text) {
        return new Builder(session, request, text, List.of());
    }

    /** A prompt of messages that the turn adds to the conversation. */
    public static Builder chat(String session, String request, List<ChatMessage> messages) {
        return new Builder(session, request, null, messages);
    }

    /** Ends the request of that name. Has no answer of its own. */
    public static Prompt cancel(String session, String request) {
        return control(RequestKind.CANCEL, session, request);
    }

    /** Forgets the session behind its requests. Has no answer of its own. */
    public static Prompt endSession(String session) {
        return control(RequestKind.END_SESSION, session, "");
    }

    private static Prompt control(RequestKind kind, String session, String request) {
        return of(
                PromptRequest.newBuilder()
                        .setKind(kind)
                        .setSessionId(session)
                        .setRequestId(request)
                        .build());
    }

    /** A record of the prompts topic, without headers. */
    public static Prompt of(PromptRequest request) {
        return new Prompt(request, List.of(), NOTHING);
    }

    /** The session, which the stream is keyed by. */
    public String session() {
        return request.getSessionId();
    }

    /** Names the turn in its session. */
    public String requestId() {
        return request.getRequestId();
    }

    /** Heap that the prompt takes while it waits, in bytes, about. */
    public long heapBytes() {
        long chars = request.getText() == null ? 0 : request.getText().length();
        for (ChatMessage message : request.getMessages()) {
            chars += message.getContent().length();
        }
        long headerBytes = 0;
        for (Header header : headers) {
            headerBytes += header.getName().length();
            headerBytes += header.getValue() == null ? 0 : header.getValue().remaining();
        }
        return OBJECT_BYTES + Character.BYTES * chars + headerBytes + attachment.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Prompt that
                && request.equals(that.request)
                && headers.equals(that.headers)
                && Arrays.equals(attachment, that.attachment);
    }

    @Override
    public int hashCode() {
        return Objects.hash(request, headers, Arrays.hashCode(attachment));
    }

    /** So that Flink finds the serializer wherever a prompt is a stream's type. */
    public static final class Info extends TypeInfoFactory<Prompt> {
        @Override
        public TypeInformation<Prompt> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return TYPE;
        }
    }

    private static final class BySession implements KeySelector<Prompt, String> {
        private static final long serialVersionUID = 1L;

        @Override
        public String getKey(Prompt prompt) {
            return prompt.session();
        }
    }

    /** Makes prompts that generate. What is not set has the default of its Avro field. */
    public static final class Builder {
        private final PromptRequest.Builder request;
        private final SamplingParams.Builder sampling = SamplingParams.newBuilder();
        private final GenerationLimits.Builder limits = GenerationLimits.newBuilder();
        private final List<Header> headers = new ArrayList<>();

        private Builder(String session, String requestId, String text, List<ChatMessage> messages) {
            request =
                    PromptRequest.newBuilder()
                            .setKind(RequestKind.GENERATE)
                            .setSessionId(session)
                            .setRequestId(requestId)
                            .setText(text)
                            .setMessages(List.copyOf(messages));
        }

        public Builder maxTokens(int tokens) {
            limits.setMaxTokens(tokens);
            return this;
        }

        /** Texts that end the generation and are not part of it. */
        public Builder stop(String... texts) {
            limits.setStopStrings(List.of(texts));
            return this;
        }

        /** Goes on past end-of-sequence tokens. */
        public Builder ignoreEos() {
            limits.setIgnoreEos(true);
            return this;
        }

        /** 0 decodes greedily. */
        public Builder temperature(float temperature) {
            sampling.setTemperature(temperature);
            return this;
        }

        public Builder topK(int candidates) {
            sampling.setTopK(candidates);
            return this;
        }

        public Builder topP(float probability) {
            sampling.setTopP(probability);
            return this;
        }

        public Builder minP(float probability) {
            sampling.setMinP(probability);
            return this;
        }

        public Builder repetitionPenalty(float penalty) {
            sampling.setRepetitionPenalty(penalty);
            return this;
        }

        public Builder seed(long seed) {
            sampling.setSeed(seed);
            return this;
        }

        /** Asks for log probabilities. */
        public Builder logprobs() {
            sampling.setLogprobs(true);
            return this;
        }

        /** Higher goes first. */
        public Builder priority(int priority) {
            request.setPriority(priority);
            return this;
        }

        /** After it what was generated so far is the answer. */
        public Builder deadline(Instant deadline) {
            request.setDeadlineMillis(deadline.toEpochMilli());
            return this;
        }

        /** What the session's cache keeps of the turn, such as {@code fastgen keep=0.5}. */
        public Builder retention(String policy) {
            request.setRetention(policy);
            return this;
        }

        /** Whose budget the turn counts against: {@link TenantBudgets}. */
        public Builder tenant(String tenant) {
            request.setTenant(tenant);
            return this;
        }

        /** Adds a header of text. */
        public Builder header(String name, String value) {
            headers.add(new Header(name, ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8))));
            return this;
        }

        public Prompt build() {
            return new Prompt(
                    request.setSampling(sampling.build()).setLimits(limits.build()).build(),
                    headers,
                    NOTHING);
        }
    }
}
