// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import java.io.Serializable;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/**
 * How a model is run.
 *
 * @param provider kernel provider: {@code auto}, {@code cuda} or {@code cuda:N} (GPU), {@code cpu}
 *     (C++) or {@code reference} (Java)
 * @param threads compute threads of the process-wide pool; 0 for one per processor
 */
public record ModelOptions(KvType kvType, ActivationType activations, String provider, int threads)
        implements Serializable {
    /** int8 cache and activations, the fastest provider there is. */
    public static ModelOptions defaults() {
        return new ModelOptions(KvType.INT8, ActivationType.INT8, "auto", 0);
    }
}
