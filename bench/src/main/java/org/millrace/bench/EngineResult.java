package org.millrace.bench;

import java.util.Map;

/**
 * What {@link EngineBench} measured.
 *
 * @param kernels name of the kernel provider that ran
 * @param tokensPerSecond of the phase that counts, per workload
 */
record EngineResult(String kernels, Map<Workload, Double> tokensPerSecond) {}
