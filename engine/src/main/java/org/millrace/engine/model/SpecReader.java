// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Map;
import org.millrace.engine.model.family.Family;
import org.millrace.engine.model.family.Hyperparameters;
import org.millrace.engine.model.spec.ModelSpec;

/** Reads a model's specification and checks that its tensors are those that it asks for. */
final class SpecReader {
    private SpecReader() {}

    /**
     * The specification; fused tensors of {@code tensors} are taken apart.
     *
     * @param source named in errors
     * @param tensors by canonical name
     */
    static ModelSpec read(
            String source,
            Family family,
            Hyperparameters parameters,
            Map<String, StoredTensor> tensors) {
        ModelTensors.checkLayerCount(source, parameters.numLayers(), tensors);
        SpecCheck.check(source, parameters.heads());
        ModelSpec spec = family.read(parameters);
        SpecCheck.check(source, spec);
        FusedTensors.split(spec, tensors);
        ModelTensors.check(source, spec, tensors);
        return spec;
    }
}
