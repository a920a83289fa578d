// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Which faults fall in which phases, by a seed. All phases and kinds come up equally often. */
final class KillPlan {
    /** A fault to come. */
    record Kill(FaultKind kind, Phase phase) {}

    private final Random random;
    private final Set<FaultKind> kinds;
    private final Deque<FaultKind> nextKinds = new ArrayDeque<>();
    private final List<Kill> kills = new ArrayList<>();

    private KillPlan(long seed, Set<FaultKind> kinds) {
        this.random = new Random(seed);
        this.kinds = kinds;
    }

    /**
     * @param count faults in all
     * @param kinds kinds that can be had here
     */
    static List<Kill> of(long seed, int count, Set<FaultKind> kinds) {
        KillPlan plan = new KillPlan(seed, kinds);
        while (plan.kills.size() < count) {
            plan.addRound();
        }
        return List.copyOf(plan.kills.subList(0, count));
    }

    /** One fault in each phase. */
    private void addRound() {
        List<Phase> phases = new ArrayList<>(EnumSet.complementOf(EnumSet.of(Phase.RESTORE)));
        Collections.shuffle(phases, random);
        boolean hasRestore = false;
        for (Phase phase : phases) {
            Kill kill = new Kill(takeKind(phase), phase);
            kills.add(kill);
            // A restore is what follows a fault that the job comes back from by itself.
            if (!hasRestore && kill.kind().restartsJob() && phase != Phase.STOP) {
                kills.add(new Kill(takeKind(Phase.RESTORE), Phase.RESTORE));
                hasRestore = true;
            }
        }
    }

    private FaultKind takeKind(Phase phase) {
        while (true) {
            for (Iterator<FaultKind> i = nextKinds.iterator(); i.hasNext(); ) {
                FaultKind kind = i.next();
                if (phase.allows(kind)) {
                    i.remove();
                    return kind;
                }
            }
            List<FaultKind> round = new ArrayList<>(kinds);
            Collections.shuffle(round, random);
            nextKinds.addAll(round);
        }
    }
}
