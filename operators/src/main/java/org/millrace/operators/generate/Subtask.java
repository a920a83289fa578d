// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.function.LongSupplier;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Generator;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.state.SessionStateManager;

/**
 * What all parts of one subtask's generation use. The operator owns it all and closes it.
 *
 * @param clockMillis wall clock, since the epoch
 */
record Subtask(
        Model model,
        Generator generator,
        SessionStateManager state,
        GenerationMetrics metrics,
        GenerationListener listener,
        LongSupplier clockMillis) {
    long nowMillis() {
        return clockMillis.getAsLong();
    }
}
