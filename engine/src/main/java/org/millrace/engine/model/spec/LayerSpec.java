// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.millrace.engine.kernels.GateFunction;

/**
 * A decoder layer: attention and a feed-forward block, each added to the residual.
 *
 * @param intermediateSize width of the feed-forward block
 * @param gate what the feed-forward block applies to its gate
 * @param norms where it normalises; {@link Norm#QUERY} and {@link Norm#KEY} as its attention says
 * @param biases projections that add a bias
 * @param residualScale factor of what either block adds to the residual
 */
public record LayerSpec(
        AttentionSpec attention,
        int intermediateSize,
        GateFunction gate,
        Set<Norm> norms,
        Set<Projection> biases,
        float residualScale) {
    private static final Set<Norm> HEADS = EnumSet.of(Norm.QUERY, Norm.KEY);

    public LayerSpec {
        EnumSet<Norm> all = EnumSet.noneOf(Norm.class);
        all.addAll(norms);
        if (attention.headNorm() == HeadNorm.NONE) {
            all.removeAll(HEADS);
        } else {
            all.addAll(HEADS);
        }
        norms = Collections.unmodifiableSet(all);
        EnumSet<Projection> biased = EnumSet.noneOf(Projection.class);
        biased.addAll(biases);
        biases = Collections.unmodifiableSet(biased);
    }

    public LayerSpec withAttention(AttentionSpec attention) {
        return new LayerSpec(attention, intermediateSize, gate, norms, biases, residualScale);
    }

    public LayerSpec withGate(GateFunction gate) {
        return new LayerSpec(attention, intermediateSize, gate, norms, biases, residualScale);
    }

    public LayerSpec withNorms(Set<Norm> norms) {
        return new LayerSpec(attention, intermediateSize, gate, norms, biases, residualScale);
    }

    public LayerSpec withBiases(Set<Projection> biases) {
        return new LayerSpec(attention, intermediateSize, gate, norms, biases, residualScale);
    }

    public LayerSpec withResidualScale(float residualScale) {
        return new LayerSpec(attention, intermediateSize, gate, norms, biases, residualScale);
    }
}
