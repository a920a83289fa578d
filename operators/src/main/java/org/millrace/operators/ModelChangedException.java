// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

/** State of other weights than those of the job, which was not told to go on with them. */
public final class ModelChangedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ModelChangedException(String stored, String current) {
        super(
                String.format(
                        "the model changed: fingerprint in state=%s, fingerprint of the model=%s; start with the model"
                                + " of before, or allow the change (allow-model-change)",
                        stored, current));
    }
}
