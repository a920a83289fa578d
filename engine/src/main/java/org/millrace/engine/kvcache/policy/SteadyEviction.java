package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Eviction for heads that share a budget: of the tokens generated since the last review, a head may
 * grow by the budget's share and drops its least slots for the rest. Sinks and the nearest tokens
 * stay.
 *
 * @param interval tokens between reviews; 0 for none
 * @param sinks first positions of a session
 */
record SteadyEviction(int interval, int sinks) {
    /** What stays of {@code slots} at a budget that is a {@code share} of all slots. */
    BitSet kept(HeadSlots slots, double share, int recent) {
        int generated = slots.turn().length() - slots.turn().promptTokens();
        int before = Math.max(0, generated - interval);
        int drop = surplus(generated, share) - surplus(before, share);
        BitSet kept = new BitSet();
        new Sinks(sinks).keep(slots, kept);
        Recent.keepNearest(recent, slots, kept);
        slots.keepLargest(slots.count() - drop - kept.cardinality(), kept);
        return kept;
    }

    private static int surplus(int generated, double share) {
        return generated - (int) (generated * share);
    }
}
