// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.operators.state.Queued;
import org.millrace.schemas.CacheStatistics;
import org.millrace.schemas.Completion;
import org.millrace.schemas.Timings;
import org.millrace.schemas.Usage;

/** Makes completions. */
final class Completions {
    private Completions() {}

    /** Of a turn that ended in the batch. Its cache is still open. */
    static Completion of(
            LiveTurn.Answer turn, Sequence sequence, String modelFingerprint, long nowMillis) {
        SessionCache cache = sequence.cache();
        return withTokens(turn.asked(), sequence, sequence.text(), sequence.finishReason())
                .setTimings(timings(turn, nowMillis))
                .setCache(
                        CacheStatistics.newBuilder()
                                .setPositions(cache.length())
                                .setBytes(cache.bytes())
                                .setFullBytes(cache.fullBytes())
                                .setRetention(sequence.retention().toString())
                                .setHeadsPerRung(headsPerRung(sequence))
                                .build())
                .setModelFingerprint(fingerprints(turn.firstFingerprint(), modelFingerprint))
                .build();
    }

    private static Map<String, Integer> headsPerRung(Sequence sequence) {
        List<String> rungs = RetentionPolicies.lookup(sequence.retention()).rungs();
        Map<String, Integer> heads = new TreeMap<>();
        sequence.cache()
                .summary()
                .headsPerRung()
                .forEach(
                        (rung, count) -> {
                            boolean isUncompressed = rung == SessionCache.NO_RUNG;
                            heads.merge(
                                    isUncompressed ? "full" : rungs.get(rung), count, Integer::sum);
                        });
        return heads;
    }

    /** Of a turn that ran before a restore and ended before it came back into the batch. */
    static Completion ofSaved(
            Queued.Turn asked,
            Sequence sequence,
            String text,
            FinishReason reason,
            String modelFingerprint) {
        return withTokens(asked, sequence, text, reason)
                .setModelFingerprint(modelFingerprint)
                .build();
    }

    /** Of a turn that ended before it came into the batch. */
    static Completion ofUnstarted(
            Queued.Turn asked, FinishReason reason, String modelFingerprint, long nowMillis) {
        long waited = nowMillis - asked.acceptedMillis();
        return withReason(asked, reason)
                .setTimings(
                        Timings.newBuilder().setQueuedMillis(waited).setTotalMillis(waited).build())
                .setModelFingerprint(modelFingerprint)
                .build();
    }

    private static Completion.Builder withTokens(
            Queued.Turn asked, Sequence sequence, String text, FinishReason reason) {
        int[] generated = sequence.generated();
        return withReason(asked, reason)
                .setText(text)
                .setTokenIds(IntStream.of(generated).boxed().toList())
                .setLogprobs(boxed(sequence.logprobs()))
                .setUsage(
                        Usage.newBuilder()
                                .setPromptTokens(sequence.promptTokens())
                                .setReusedTokens(sequence.reusedTokens())
                                .setGeneratedTokens(generated.length)
                                .build());
    }

    private static Completion.Builder withReason(Queued.Turn asked, FinishReason reason) {
        return Completion.newBuilder()
                .setSessionId(asked.prompt().session())
                .setRequestId(asked.prompt().requestId())
                .setFinishReason(reason.name().toLowerCase(Locale.ROOT));
    }

    private static Timings timings(LiveTurn.Answer turn, long nowMillis) {
        long accepted = turn.asked().acceptedMillis();
        long started = turn.startedMillis() == 0 ? nowMillis : turn.startedMillis();
        long firstToken = turn.firstTokenMillis();
        return Timings.newBuilder()
                .setQueuedMillis(started - accepted)
                .setFirstTokenMillis(firstToken == 0 ? 0 : firstToken - accepted)
                .setTotalMillis(nowMillis - accepted)
                .build();
    }

    private static String fingerprints(String first, String last) {
        return first.equals(last) ? last : first + "," + last;
    }

    private static List<Float> boxed(float[] values) {
        return IntStream.range(0, values.length).mapToObj(i -> values[i]).toList();
    }
}
