// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.function.Predicate;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.model.spec.AttentionSpec;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * Operations of forward passes beyond those of Llama, with the version of their rounding in {@code
 * docs/numerics.md}. A cache depends on those that its model uses and on no others.
 */
public enum Operation {
    BIAS(1, layer -> !layer.biases().isEmpty()),
    HEAD_NORM(1, layer -> layer.attention().headNorm() != HeadNorm.NONE),
    WINDOW(1, layer -> layer.attention().window() != AttentionSpec.NO_WINDOW),
    SOFT_CAP(1, layer -> layer.attention().softCap() != AttentionParams.NO_CAP),
    GELU_TANH(1, layer -> layer.gate() == GateFunction.GELU_TANH),
    SCALE(1, layer -> layer.residualScale() != 1);

    /** Of Llama's operations. */
    private static final int NUMERICS_VERSION = 1;

    private final int version;
    private final Predicate<LayerSpec> isUsed;

    Operation(int version, Predicate<LayerSpec> isUsed) {
        this.version = version;
        this.isUsed = isUsed;
    }

    /** The versions of all operations that a model uses, for fingerprints. */
    public static String versions(ModelSpec spec) {
        StringBuilder versions = new StringBuilder("numerics=" + NUMERICS_VERSION);
        for (Operation operation : values()) {
            if (spec.layers().stream().anyMatch(operation.isUsed)) {
                versions.append(' ').append(operation).append('=').append(operation.version);
            }
        }
        return versions.toString();
    }
}
