// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;

/** Makes records of the prompts topic. */
final class Prompts {
    private Prompts() {}

    /** A turn with sampled tokens, so that two turns of the same text differ by their seed. */
    static PromptEnvelope turn(String session, String request, String text, int maxTokens) {
        return envelope(turnRequest(session, request, text, maxTokens).build(), 1000);
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

    static PromptEnvelope cancel(String session, String request) {
        return control(RequestKind.CANCEL, session, request);
    }

    static PromptEnvelope endSession(String session) {
        return control(RequestKind.END_SESSION, session, "");
    }

    private static PromptEnvelope control(RequestKind kind, String session, String request) {
        return envelope(
                PromptRequest.newBuilder()
                        .setKind(kind)
                        .setSessionId(session)
                        .setRequestId(request)
                        .build(),
                1000);
    }

    static PromptEnvelope envelope(PromptRequest request, long timestampMillis) {
        List<Header> headers = List.of(new Header("trace", "abc".getBytes(StandardCharsets.UTF_8)));
        return new PromptEnvelope(
                request,
                new Origin("prompts", 0, 7, timestampMillis, headers),
                OriginalValue.of(new byte[] {1, 2, 3}));
    }
}
