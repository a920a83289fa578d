// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** One filled-in record of each kind, no field at its default. */
final class SampleRecords {
    private SampleRecords() {}

    static PromptRequest promptRequest() {
        return PromptRequest.newBuilder()
                .setKind(RequestKind.CANCEL)
                .setSessionId("s-1")
                .setRequestId("r-1")
                .setText("Käse 🧀")
                .setMessages(
                        List.of(
                                new ChatMessage("system", "Be brief."),
                                new ChatMessage("user", "Hi")))
                .setSampling(new SamplingParams(0.5f, 40, 0.9f, 0.05f, 1.1f, 42L, true))
                .setLimits(new GenerationLimits(17, List.of("\n\n", "END"), true))
                .setPriority(3)
                .setDeadlineMillis(1_700_000_000_000L)
                .build();
    }

    static TokenDelta tokenDelta() {
        return new TokenDelta("s-1", "r-1", 5, 1234, " the", -0.25f, List.of());
    }

    static Completion completion() {
        return Completion.newBuilder()
                .setSessionId("s-1")
                .setRequestId("r-1")
                .setText("Paris.")
                .setTokenIds(List.of(9, 8, 2))
                .setFinishReason("stop")
                .setUsage(new Usage(12, 100, 3))
                .setLogprobs(List.of(-0.5f, -1f, 0f))
                .setTimings(new Timings(1L, 20L, 300L))
                .setCache(new CacheStatistics(115, 4096L, 8192L, "", Map.of()))
                .setModelFingerprint("ab".repeat(32))
                .setRepeated(true)
                .build();
    }

    static DeadLetter deadLetter() {
        return DeadLetter.newBuilder()
                .setTopic("prompts")
                .setPartition(3)
                .setOffset(77)
                .setTimestampMillis(1_700_000_000_000L)
                .setSessionId("s-1")
                .setRequestId("r-1")
                .setReason("not_avro")
                .setDetail("length=3")
                .setOriginal(ByteBuffer.wrap("abc".getBytes(StandardCharsets.UTF_8)))
                .setOriginalLength(3)
                .setOriginalSha256("cd".repeat(32))
                .setPartialText("Par")
                .build();
    }
}
