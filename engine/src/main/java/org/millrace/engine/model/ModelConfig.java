// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

/**
 * Hyperparameters of a Llama-architecture decoder.
 *
 * @param numHeads query heads
 * @param numKvHeads key-value heads; {@code numHeads / numKvHeads} query heads share one
 * @param contextLength largest number of positions
 * @param ropeScaling factors per frequency pair by which the base frequency is divided, length
 *     {@code headDim / 2}, or null for none (Llama 3 scaling is resolved into it by the loader)
 */
public record ModelConfig(
        String architecture,
        String name,
        int numLayers,
        int hiddenSize,
        int intermediateSize,
        int numHeads,
        int numKvHeads,
        int headDim,
        int vocabSize,
        int contextLength,
        float rmsNormEps,
        double ropeTheta,
        double[] ropeScaling) {}
