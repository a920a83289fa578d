// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.millrace.client.OutputLedger;
import org.millrace.client.TopicContents;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.TokenDelta;

/**
 * Which of a run's requests are answered, and how fast, as a client of the topics sees it. Not
 * thread safe.
 *
 * <p>The time to a turn's first token counts from its publication, or from the last token of the
 * session's turn before it if that came later: until then nobody could have begun with it.
 */
final class RunProgress {
    private record Turn(String session, String request) {}

    private record Place(int partition, long offset) {}

    private final Map<Turn, Long> publishedNanos = new HashMap<>();
    private final Map<Place, Turn> places = new HashMap<>();
    private final Map<Turn, Place> lastPlaces = new HashMap<>();
    private final Set<Turn> open = new HashSet<>();
    private final Set<Place> unreadable = new HashSet<>();
    private final Map<String, Long> lastTokenNanos = new HashMap<>();
    private final Map<Turn, Long> firstTokenNanos = new LinkedHashMap<>();
    private final Map<Turn, Completion> completions = new LinkedHashMap<>();
    private final List<DeadLetter> deadLetters = new ArrayList<>();
    private final OutputLedger ledger = new OutputLedger();
    private long firstNanos = Long.MAX_VALUE;
    private long lastNanos;
    private long tokens;
    private int requests;
    private int answeredBefore;
    private long skipped;

    /** Notes a request that is being published; controls are not waited for. */
    void published(PromptRequest request, long nanos) {
        if (request.getKind() != RequestKind.GENERATE) {
            return;
        }
        Turn turn = new Turn(request.getSessionId(), request.getRequestId());
        publishedNanos.put(turn, nanos);
        firstNanos = Math.min(firstNanos, nanos);
        requests += open.add(turn) ? 1 : 0;
    }

    /** Notes a record that the prompts topic held before; it is waited for like the others. */
    void found(TopicContents.Prompt prompt, long nanos) {
        Place place = new Place(prompt.partition(), prompt.offset());
        if (prompt.request() == null) {
            unreadable.add(place);
            requests++;
        } else {
            published(prompt.request(), nanos);
            went(prompt.request(), place);
        }
    }

    /** Notes an answer that an earlier run has given. */
    void answeredBefore(SpecificRecord answer) {
        if (accept(answer, firstNanos)) {
            answeredBefore++;
        }
    }

    /**
     * Notes where a request went: a dead letter of a record that could not be read tells only that.
     */
    void sent(PromptRequest request, RecordMetadata metadata) {
        went(request, new Place(metadata.partition(), metadata.offset()));
    }

    private void went(PromptRequest request, Place place) {
        Turn turn = new Turn(request.getSessionId(), request.getRequestId());
        places.put(place, turn);
        lastPlaces.put(turn, place);
    }

    /** Whether the output is new and one of this run's. */
    boolean accept(SpecificRecord output, long nanos) {
        if (output instanceof TokenDelta token) {
            return accept(token, nanos);
        }
        if (output instanceof Completion completion) {
            Turn turn = new Turn(completion.getSessionId(), completion.getRequestId());
            if (open.remove(turn)) {
                ledger.add(completion);
                completions.put(turn, completion);
                return true;
            }
            return false;
        }
        DeadLetter letter = (DeadLetter) output;
        Place place = new Place(letter.getPartition(), letter.getOffset());
        if (unreadable.remove(place) || isLastOfTurn(place) && open.remove(places.get(place))) {
            deadLetters.add(letter);
            return true;
        }
        return false;
    }

    /** A request that was sent again after a dead letter waits for another answer. */
    private boolean isLastOfTurn(Place place) {
        Turn turn = places.get(place);
        return turn != null && place.equals(lastPlaces.get(turn));
    }

    private boolean accept(TokenDelta token, long nanos) {
        Turn turn = new Turn(token.getSessionId(), token.getRequestId());
        if (!publishedNanos.containsKey(turn) || !ledger.isNew(token)) {
            return false;
        }
        firstTokenNanos.computeIfAbsent(
                turn,
                key ->
                        nanos
                                - Math.max(
                                        publishedNanos.get(key),
                                        lastTokenNanos.getOrDefault(
                                                key.session(), Long.MIN_VALUE)));
        lastTokenNanos.put(token.getSessionId(), nanos);
        lastNanos = nanos;
        tokens++;
        return true;
    }

    /** Notes records that were skipped because they are no outputs of a job. */
    void skipped(long records) {
        skipped += records;
    }

    boolean done() {
        return open.isEmpty() && unreadable.isEmpty();
    }

    /** How far it is, in a line. */
    String summary() {
        return String.format(
                Locale.ROOT,
                "%d of %d answered, %d tokens, %.0f tokens/s",
                requests - open.size() - unreadable.size(),
                requests,
                tokens,
                tokensPerSecond());
    }

    private double seconds() {
        return Math.max(0, lastNanos - firstNanos) / 1e9;
    }

    private double tokensPerSecond() {
        return tokens == 0 ? 0 : tokens / Math.max(1e-3, seconds());
    }

    /** The result, with what the cluster says about checkpoints. */
    RunReport report(String model, List<RunningJob.Checkpoint> checkpoints, String savepoint) {
        Map<String, Long> cacheBytes = new HashMap<>();
        completions
                .values()
                .forEach(c -> cacheBytes.put(c.getSessionId(), c.getCache().getBytes()));
        return new RunReport(
                model,
                requests,
                answeredBefore,
                List.copyOf(completions.values()),
                List.copyOf(deadLetters),
                tokens,
                seconds(),
                tokensPerSecond(),
                percentileMillis(50),
                percentileMillis(99),
                cacheBytes.values().stream().mapToLong(Long::longValue).sum(),
                skipped,
                checkpoints,
                savepoint);
    }

    /** Nearest rank. */
    private double percentileMillis(int percent) {
        long[] sorted =
                firstTokenNanos.values().stream().mapToLong(Long::longValue).sorted().toArray();
        if (sorted.length == 0) {
            return 0;
        }
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted[rank - 1] / 1e6;
    }
}
