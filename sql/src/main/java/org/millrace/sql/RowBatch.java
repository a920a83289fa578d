// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;

/**
 * Rows that wait, in order of arrival, and rows in the batch. Runs on the engine's thread, which
 * closes the generator.
 */
final class RowBatch {
    private final Generator generator;
    private final int contextLength;
    private final Deque<Row> waiting = new ArrayDeque<>();
    private final Set<Sequence> live = new LinkedHashSet<>();

    RowBatch(Generator generator, int contextLength) {
        this.generator = generator;
        this.contextLength = contextLength;
    }

    void add(Row row) {
        waiting.add(row);
    }

    boolean isEmpty() {
        return waiting.isEmpty() && live.isEmpty();
    }

    /**
     * Takes rows in while there is room, and runs the model once.
     *
     * @return rows that were answered
     */
    int step() {
        while (!waiting.isEmpty()
                && generator.hasRoomFor(waiting.peek().positionsNeeded(contextLength))) {
            start(waiting.remove());
        }
        List<Sequence> finished = generator.step().finished();
        finished.forEach(this::finish);
        return finished.size();
    }

    private void start(Row row) {
        Sequence sequence =
                new Sequence(
                        generator.newCache(),
                        Transcript.EMPTY,
                        row.prompt(),
                        row.params(),
                        row.retention(),
                        row);
        live.add(sequence);
        generator.submit(sequence);
    }

    private static Row row(Sequence sequence) {
        return (Row) sequence.attachment();
    }

    private void finish(Sequence sequence) {
        live.remove(sequence);
        sequence.cache().close();
        row(sequence).answer().complete(answer(sequence));
    }

    private static Answer answer(Sequence sequence) {
        int generated = sequence.generated().length;
        if (sequence.finishReason() == FinishReason.NON_FINITE) {
            return new Answer.Refused("non_finite: generatedTokens=" + generated);
        }
        float[] logprobs = sequence.logprobs();
        return new Answer.Generated(
                sequence.text(),
                sequence.finishReason(),
                sequence.promptTokens(),
                generated,
                IntStream.range(0, logprobs.length).mapToDouble(i -> logprobs[i]).sum());
    }

    /** Drops the rows of one owner. */
    void cancel(SharedEngine.Lease owner) {
        waiting.removeIf(row -> row.owner() == owner && row.answer().cancel(false));
        for (Sequence sequence : List.copyOf(live)) {
            if (row(sequence).owner() == owner) {
                generator.cancel(sequence, FinishReason.CANCELLED);
                live.remove(sequence);
                sequence.cache().close();
                row(sequence).answer().cancel(false);
            }
        }
    }

    /** Fails all rows, of which none goes on. */
    void fail(Throwable cause) {
        waiting.forEach(row -> row.answer().completeExceptionally(cause));
        live.forEach(sequence -> row(sequence).answer().completeExceptionally(cause));
        waiting.clear();
        live.clear();
    }
}
