// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

/**
 * A turn as it stood at a snapshot, to go on at its exact next token.
 *
 * @param sequence what {@code Sequence.save} wrote; never changed
 * @param positions most that the session's cache may have to hold until the turn ends
 * @param modelFingerprint of the weights that the turn began with
 * @param startedMillis wall clock when the turn came into the batch, since the epoch
 * @param firstTokenMillis wall clock of its first token; 0 if it has none yet
 */
public record RunningTurn(
        byte[] sequence,
        int positions,
        String modelFingerprint,
        long startedMillis,
        long firstTokenMillis) {}
