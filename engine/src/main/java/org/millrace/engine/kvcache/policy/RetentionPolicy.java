// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * Decides which slots of a turn each KV head keeps. Immutable and thread safe; every answer is a
 * pure function of the arguments, so that a replayed session keeps the same slots.
 */
public interface RetentionPolicy {
    /** {@link #reviewInterval} of a policy that drops nothing while tokens are generated. */
    int NEVER = 0;

    /** Names of the rungs that a head can take, as {@link HeadChoice#rung} counts them. */
    List<String> rungs();

    /**
     * What to measure while a prompt is encoded; empty for nothing.
     *
     * @param start position of the turn's first column
     * @param promptTokens columns of the prompt
     * @param group query heads per KV head
     */
    Optional<ProfiledTurn> profile(int start, int promptTokens, int group);

    /**
     * Whether the prompt is to be replayed, positions going on, before {@link #choose}: {@link
     * #profile} then asks for these rows.
     */
    default boolean replaysPrompt() {
        return false;
    }

    /**
     * Whether the prompt of a turn is compressed together with all that came before it. Only of
     * policies that replay: attention of earlier prompts is not measured again.
     */
    default boolean compressesAllTurns() {
        return false;
    }

    /** Whether no slot is ever dropped: no compaction, no review. */
    default boolean keepsAll() {
        return false;
    }

    /**
     * What each head keeps of the prompt.
     *
     * @param turn ends with its prompt
     * @param heads KV heads of all layers, layer by layer
     * @param profiles statistics of a head; never asked where {@link #profile} is empty
     */
    List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles);

    /**
     * Steps of generation from one review to the next: {@link #kept} is applied after a step that
     * brings {@link Turn#length} to a multiple of it. {@link #NEVER} for none.
     */
    int reviewInterval();

    /** The columns that a head on {@code rung} still keeps; it drops its others. */
    BitSet kept(int rung, HeadSlots slots);
}
