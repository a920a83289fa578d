// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;

/**
 * Where a turn lies in its session, and what its cache retains: enough to compute the cache again
 * as it was.
 *
 * <pre>
 *   tokens:  [ earlier turns ... | prompt ... | generated ... )
 *            0                    start        promptEnd       start of the next turn
 * </pre>
 *
 * When position {@code promptEnd} is reached, slots from {@code firstColumn} on are compressed;
 * those before are frozen. The last generated token of a turn is computed with the next turn's
 * prompt.
 *
 * <p>A rest is a turn without tokens that compresses all that came before: {@code firstColumn} is
 * 0, {@code start} the session's length, {@code promptEnd} what the cache then holds.
 */
public record SessionTurn(int start, int promptEnd, int firstColumn, Retention retention) {
    /** A turn that compresses its own prompt, or all that came before with it. */
    public static SessionTurn of(int start, int promptEnd, Retention retention) {
        boolean isOfAll = RetentionPolicies.lookup(retention).compressesAllTurns();
        return new SessionTurn(start, promptEnd, isOfAll ? 0 : start, retention);
    }

    /** Whether this is a rest. */
    boolean isRest() {
        return promptEnd <= start && firstColumn < start;
    }

    /** The same with nothing compressed. */
    SessionTurn uncompressed() {
        return new SessionTurn(start, promptEnd, firstColumn, Retention.FULL);
    }

    /** Int32 n, then per turn: int32 start, promptEnd, firstColumn, utf retention. */
    public static void writeAll(List<SessionTurn> turns, DataOutput out) throws IOException {
        out.writeInt(turns.size());
        for (SessionTurn turn : turns) {
            out.writeInt(turn.start());
            out.writeInt(turn.promptEnd());
            out.writeInt(turn.firstColumn());
            out.writeUTF(turn.retention().toString());
        }
    }

    /** What {@link #writeAll} wrote. */
    public static List<SessionTurn> readAll(DataInput in) throws IOException {
        int count = in.readInt();
        List<SessionTurn> turns = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            turns.add(
                    new SessionTurn(
                            in.readInt(),
                            in.readInt(),
                            in.readInt(),
                            Retention.parse(in.readUTF())));
        }
        return turns;
    }
}
