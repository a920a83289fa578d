// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.millrace.operators.state.Queued;
import org.millrace.operators.state.RunningTurn;

/** What comes into the batch next, made ready and kept while it waits for room. */
sealed interface Candidate {
    WaitingLine.Place place();

    /** Its number in the session's queue. */
    long number();

    /** Most positions that the session's cache may have to hold until the turn ends. */
    int positions();

    /** A turn that somebody waits for. */
    sealed interface Asked extends Candidate {
        Queued.Turn asked();
    }

    /** A turn that begins. */
    record Fresh(WaitingLine.Place place, long number, Queued.Turn asked, Admission.Turn turn)
            implements Asked {
        @Override
        public int positions() {
            return turn.positions();
        }
    }

    /** A turn that ran before a restore. */
    record Resumed(WaitingLine.Place place, long number, Queued.Turn asked, RunningTurn turn)
            implements Asked {
        @Override
        public int positions() {
            return turn.positions();
        }
    }

    /** A session that is to be compressed. */
    record Rest(WaitingLine.Place place, long number, int positions) implements Candidate {}
}
