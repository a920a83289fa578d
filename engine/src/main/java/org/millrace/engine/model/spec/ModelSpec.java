// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

import java.util.List;

/**
 * A decoder-only transformer as data: what its forward pass computes, layer by layer.
 *
 * @param architecture name of its family
 * @param name for people
 * @param contextLength largest number of positions
 * @param normEps added to mean squares
 * @param embeddingScale factor of embedded tokens
 * @param logitScale factor of logits
 * @param logitSoftCap logits become {@code logitSoftCap * tanh(logit / logitSoftCap)}; 0 for as
 *     they are
 * @param layers in order; at least one
 */
public record ModelSpec(
        String architecture,
        String name,
        int vocabSize,
        int hiddenSize,
        int contextLength,
        HeadShape heads,
        float normEps,
        float embeddingScale,
        float logitScale,
        float logitSoftCap,
        List<LayerSpec> layers) {
    public ModelSpec {
        layers = List.copyOf(layers);
    }

    public int numLayers() {
        return layers.size();
    }

    public int numHeads() {
        return heads.numHeads();
    }

    public int numKvHeads() {
        return heads.numKvHeads();
    }

    public int headDim() {
        return heads.headDim();
    }

    /** Of the widest layer. */
    public int intermediateSize() {
        return layers.stream().mapToInt(LayerSpec::intermediateSize).max().orElseThrow();
    }

    public ModelSpec withEmbeddingScale(float embeddingScale) {
        return new ModelSpec(
                architecture,
                name,
                vocabSize,
                hiddenSize,
                contextLength,
                heads,
                normEps,
                embeddingScale,
                logitScale,
                logitSoftCap,
                layers);
    }

    public ModelSpec withLogitScale(float logitScale) {
        return new ModelSpec(
                architecture,
                name,
                vocabSize,
                hiddenSize,
                contextLength,
                heads,
                normEps,
                embeddingScale,
                logitScale,
                logitSoftCap,
                layers);
    }

    public ModelSpec withLogitSoftCap(float logitSoftCap) {
        return new ModelSpec(
                architecture,
                name,
                vocabSize,
                hiddenSize,
                contextLength,
                heads,
                normEps,
                embeddingScale,
                logitScale,
                logitSoftCap,
                layers);
    }
}
