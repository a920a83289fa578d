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
    /** f16 cache, int8 activations, the fastest provider there is. */
    public static ModelOptions defaults() {
        return new ModelOptions(KvType.F16, ActivationType.INT8, "auto", 0);
    }
}
