// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.io.IOException;
import java.util.Map;

/** An engine with a model file, measured in a fresh process each time. */
interface Contender {
    /** Column title. */
    String name();

    /**
     * Runs every workload once.
     *
     * @return tokens per second of the phase that counts
     * @throws IOException if the process fails, with the end of what it wrote
     */
    Map<Workload, Double> measure(int threads) throws IOException, InterruptedException;
}
