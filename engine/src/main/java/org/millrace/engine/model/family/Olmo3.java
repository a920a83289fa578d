// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.ModelSpec;

/** OLMo 3 (arXiv 2512.13961): OLMo 2 with windows in three of four layers. */
final class Olmo3 implements Family {
    @Override
    public String huggingFaceType() {
        return "olmo3";
    }

    @Override
    public String ggufArchitecture() {
        return "olmo2";
    }

    @Override
    public Map<String, String> huggingFaceModules() {
        return TensorNames.NORMS_BEHIND;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        return Olmo2.specification(parameters);
    }
}
