// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.io.IOException;
import java.io.Serializable;

/**
 * Is told what one subtask computes, stores and restores. For tests and audits: nothing depends on
 * it. Called on the task's thread; an exception fails the task.
 *
 * <p>Positions are tokens of a session, counted from its beginning.
 */
public interface GenerationListener extends AutoCloseable {
    /** Listens to nothing. */
    GenerationListener NONE = new GenerationListener() {};

    /** Makes the listener of a subtask, on the TaskManager. */
    interface Factory extends Serializable {
        /** Makes {@link #NONE}. */
        Factory NONE = (subtask, attempt) -> GenerationListener.NONE;

        /**
         * Called once for each attempt; the operator closes the listener.
         *
         * @param attempt how often this subtask was restarted in its job
         */
        GenerationListener create(int subtask, int attempt) throws Exception;
    }

    /**
     * The subtask began.
     *
     * @param checkpoint that it was restored from, or -1
     */
    default void opened(long checkpoint) {}

    /** A turn is part of the step that is about to begin. An exception counts as the step's own. */
    default void stepping(String session, String request) {}

    /**
     * Positions of a turn were computed.
     *
     * @param to exclusive
     * @param promptEnd position of the turn's first generated token
     */
    default void computed(String session, String request, int from, int to, int promptEnd) {}

    /** A cache went to state at the end of a turn. */
    default void stored(String session, int positions) {}

    /** A cache of a running turn went to state for a checkpoint. */
    default void snapshot(String session, int positions, long checkpoint) {}

    /** All that came before is in this checkpoint. */
    default void checkpointed(long checkpoint) {}

    /**
     * A cache came back from state.
     *
     * @param checkpoint that the subtask was restored from, or -1
     */
    default void restored(String session, int positions, long checkpoint) {}

    @Override
    default void close() throws IOException {}
}
