// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * What a policy does to predictions behind contexts of one length. Losses are in nats per token.
 *
 * @param retention the policy
 * @param context tokens
 * @param windows that were measured
 * @param pruned share of the context's slots that were dropped at its end
 * @param bytesShare bytes after the context, of the full cache's
 * @param bytesShareAtEnd the same after the continuation
 * @param bytes mean, after the context
 * @param loss of the full cache
 * @param gap of the loss, as a share of the full cache's
 * @param gapInterval of {@code gap}
 * @param worstGap of a window
 * @param divergence KL(full || compressed), mean
 * @param divergence99 99 of 100 tokens do not exceed it
 * @param worstDivergence mean of the worst window
 * @param agreement share of tokens with the same most likely one
 */
public record QualityResult(
        Retention retention,
        int context,
        int windows,
        double pruned,
        double bytesShare,
        double bytesShareAtEnd,
        double bytes,
        double loss,
        double gap,
        Statistics.Interval gapInterval,
        double worstGap,
        double divergence,
        double divergence99,
        double worstDivergence,
        double agreement) {
    /** Tokens that are drawn together for intervals. */
    private static final int RUN = 32;

    static QualityResult of(Retention retention, int context, List<WindowScore> windows) {
        double[] loss = join(windows, WindowScore::fullLoss);
        double[] gap = join(windows, WindowScore::lossGap);
        double[] divergence = join(windows, WindowScore::divergence);
        return new QualityResult(
                retention,
                context,
                windows.size(),
                1 - ratio(windows, WindowScore::keptSlots, WindowScore::slots),
                ratio(windows, WindowScore::bytes, WindowScore::fullBytes),
                ratio(windows, WindowScore::bytesAtEnd, WindowScore::fullBytesAtEnd),
                windows.stream().mapToLong(WindowScore::bytes).average().orElseThrow(),
                Statistics.mean(loss),
                Statistics.mean(gap) / Statistics.mean(loss),
                Statistics.ratioInterval(gap, loss, RUN),
                windows.stream().mapToDouble(QualityResult::gap).max().orElseThrow(),
                Statistics.mean(divergence),
                Statistics.quantile(divergence, 0.99),
                windows.stream()
                        .mapToDouble(window -> Statistics.mean(window.divergence()))
                        .max()
                        .orElseThrow(),
                windows.stream().mapToInt(WindowScore::agreements).sum() / (double) loss.length);
    }

    private static double gap(WindowScore window) {
        return Statistics.mean(window.lossGap()) / Statistics.mean(window.fullLoss());
    }

    private static double ratio(
            List<WindowScore> windows,
            ToLongFunction<WindowScore> part,
            ToLongFunction<WindowScore> whole) {
        long parts = windows.stream().mapToLong(part).sum();
        return parts / (double) windows.stream().mapToLong(whole).sum();
    }

    private static double[] join(
            List<WindowScore> windows, Function<WindowScore, double[]> values) {
        return windows.stream().map(values).flatMapToDouble(Arrays::stream).toArray();
    }
}
