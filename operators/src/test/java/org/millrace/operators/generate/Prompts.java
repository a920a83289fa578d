// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.nio.ByteBuffer;
import java.util.List;
import org.millrace.operators.Prompt;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.Header;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;

/** Makes records of the prompts topic. */
final class Prompts {
    private Prompts() {}

    /** A turn with sampled tokens, so that two turns of the same text differ by their seed. */
    static Prompt turn(String session, String request, String text, int maxTokens) {
        return prompt(turnRequest(session, request, text, maxTokens).build());
    }

    static PromptRequest.Builder turnRequest(
            String session, String request, String text, int maxTokens) {
        return PromptRequest.newBuilder()
                .setKind(RequestKind.GENERATE)
                .setSessionId(session)
                .setRequestId(request)
                .setText(text)
                .setSampling(
                        SamplingParams.newBuilder()
                                .setTemperature(0.8f)
                                .setSeed(request.hashCode())
                                .setLogprobs(true)
                                .build())
                .setLimits(
                        GenerationLimits.newBuilder()
                                .setMaxTokens(maxTokens)
                                .setIgnoreEos(true)
                                .build());
    }

    static Prompt cancel(String session, String request) {
        return control(RequestKind.CANCEL, session, request);
    }

    static Prompt endSession(String session) {
        return control(RequestKind.END_SESSION, session, "");
    }

    private static Prompt control(RequestKind kind, String session, String request) {
        return prompt(
                PromptRequest.newBuilder()
                        .setKind(kind)
                        .setSessionId(session)
                        .setRequestId(request)
                        .build());
    }

    /** A prompt with a header and an attachment, of an event time. */
    static Stamped stamped(PromptRequest request, long timestampMillis) {
        return new Stamped(prompt(request), timestampMillis);
    }

    static Prompt prompt(PromptRequest request) {
        return new Prompt(
                request,
                List.of(new Header("trace", ByteBuffer.wrap(new byte[] {1, 2}))),
                new byte[] {1, 2, 3});
    }

    /** A prompt and its event time. */
    record Stamped(Prompt prompt, long timestampMillis) {}
}
