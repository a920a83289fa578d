package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Eviction that binds in long generations only. What is kept of the prompt was chosen with all its
 * rows at hand and stays. Of what was generated before the nearest tokens, a head keeps its
 * budget's share: the slots of largest attention. They compete among themselves, since each begins
 * with the weight that its own row gave it, which slots of the prompt do not.
 *
 * @param interval generated tokens between reviews; 0 for none
 * @param recent nearest tokens that are always kept
 */
record GenerationBudget(int interval, int recent) {
    /** What stays of {@code slots} at a budget that is a {@code share} of all slots. */
    BitSet kept(HeadSlots slots, double share) {
        int promptTokens = slots.turn().promptTokens();
        int settled = Math.max(0, slots.turn().length() - promptTokens - recent);
        BitSet kept = slots.all();
        kept.clear(promptTokens, slots.turn().length());
        Recent.keepNearest(recent, slots, kept);
        slots.keepLargest((int) (share * settled), kept);
        return kept;
    }
}
