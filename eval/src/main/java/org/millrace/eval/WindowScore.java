// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.BitSet;
import java.util.List;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.HeadChoice;

/**
 * How well a compressed cache predicts the continuation of one window, token by token, beside the
 * full cache; and what it takes.
 */
final class WindowScore {
    private final CacheLayout reference;
    private final double[] fullLoss;
    private final double[] lossGap;
    private final double[] divergence;
    private final boolean[] agrees;
    private long slots;
    private long keptSlots;
    private long bytes;
    private long fullBytes;
    private long bytesAtEnd;
    private long fullBytesAtEnd;

    /**
     * @param continuation tokens that are predicted
     * @param reference of the full cache
     */
    WindowScore(int continuation, CacheLayout reference) {
        this.reference = reference;
        fullLoss = new double[continuation];
        lossGap = new double[continuation];
        divergence = new double[continuation];
        agrees = new boolean[continuation];
    }

    /**
     * @param index of the token that is predicted, in the continuation
     * @param token the true one
     */
    void add(int index, int token, Prediction full, Prediction compressed) {
        fullLoss[index] = -full.logProbability(token);
        lossGap[index] = -compressed.logProbability(token) - fullLoss[index];
        divergence[index] = full.divergenceTo(compressed);
        agrees[index] = full.best() == compressed.best();
    }

    /** After the context was compressed. */
    void compacted(SessionCache cache, List<HeadChoice> heads, int context) {
        slots = (long) heads.size() * context;
        keptSlots = heads.stream().map(HeadChoice::kept).mapToLong(BitSet::cardinality).sum();
        bytes = realBytes(cache);
        fullBytes = fullBytes(cache);
    }

    void ended(SessionCache cache, int context) {
        bytesAtEnd = realBytes(cache);
        fullBytesAtEnd = fullBytes(cache);
        if (slots == 0) {
            // Never compressed: of a policy that keeps everything.
            slots = context;
            keptSlots = context;
            bytes = bytesAtEnd;
            fullBytes = fullBytesAtEnd;
        }
    }

    /** Pages, and what is stored beside them: page tables, rungs, scores. */
    private static long realBytes(SessionCache cache) {
        return cache.bytes() + cache.tableBytes();
    }

    /** Of the full cache, which may hold values of another type. */
    private long fullBytes(SessionCache cache) {
        return reference.pagesFor(cache.length()) * reference.page().pageBytes();
    }

    double[] fullLoss() {
        return fullLoss;
    }

    double[] lossGap() {
        return lossGap;
    }

    double[] divergence() {
        return divergence;
    }

    int agreements() {
        int count = 0;
        for (boolean agreement : agrees) {
            count += agreement ? 1 : 0;
        }
        return count;
    }

    long slots() {
        return slots;
    }

    long keptSlots() {
        return keptSlots;
    }

    long bytes() {
        return bytes;
    }

    long fullBytes() {
        return fullBytes;
    }

    long bytesAtEnd() {
        return bytesAtEnd;
    }

    long fullBytesAtEnd() {
        return fullBytesAtEnd;
    }
}
