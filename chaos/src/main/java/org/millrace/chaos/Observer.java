// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.client.OutputReader;

/**
 * Follows journal and topics, and keeps the load going. Everything happens in {@link #tick}, on the
 * caller's thread. Owns the reader and the journal's file.
 */
final class Observer implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(2);

    private final JournalFile journal;
    private final OutputReader reader;
    private final Load load;
    private final JournalState state = new JournalState();
    private final JournalAudit audit = new JournalAudit();
    private final Outcome outcome = new Outcome();
    private Recovery recovery;
    private long lastProgressNanos = System.nanoTime();

    Observer(JournalFile journal, OutputReader reader, Load load) {
        this.journal = journal;
        this.reader = reader;
        this.load = load;
    }

    /** Takes in what is new, and waits some milliseconds if nothing is. */
    void tick() throws IOException {
        load.topUp();
        readJournal();
        reader.poll(POLL).forEach(this::accept);
    }

    private void accept(SpecificRecord output) {
        if (!outcome.accept(output)) {
            return;
        }
        lastProgressNanos = System.nanoTime();
        TurnId turn = Outcome.turnOf(output);
        if (Outcome.isAnswer(output)) {
            load.answered(turn.session());
        }
        if (recovery != null) {
            recovery.progressed(turn, lastProgressNanos, state.opened());
        }
    }

    /** Takes in what is left of a job that has ended. */
    void drain() throws IOException {
        readJournal();
        reader.readToEnd().forEach(this::accept);
    }

    /** Takes in what is new in the journal alone, at once. */
    void readJournal() throws IOException {
        for (JsonNode event : journal.poll()) {
            state.accept(event);
            audit.accept(event);
        }
    }

    /**
     * Follows how the live sessions come back from a fault that has just been.
     *
     * @param operatorsBefore operators in the journal that began before; -1 if none has to begin
     */
    Recovery follow(long faultNanos, int operatorsBefore) {
        recovery = new Recovery(faultNanos, state.live(), operatorsBefore);
        return recovery;
    }

    /** When the last new token or answer came. */
    long lastProgressNanos() {
        return lastProgressNanos;
    }

    /** Lets conversations come to their ends, and waits for it. */
    void end() throws IOException {
        load.end();
        awaitAnswers();
    }

    /** Takes in what comes, until all is answered or nothing is any more. */
    private void awaitAnswers() throws IOException {
        while (!load.isDone()
                && System.nanoTime() - lastProgressNanos < Undisturbed.QUIET_TIMEOUT.toNanos()) {
            tick();
        }
    }

    JournalState state() {
        return state;
    }

    JournalAudit audit() {
        return audit;
    }

    Outcome outcome() {
        return outcome;
    }

    @Override
    public void close() throws IOException {
        reader.close();
        journal.close();
    }
}
