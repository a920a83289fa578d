// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

/** State of other weights than those of the job, which was not told to go on with them. */
public final class ModelChangedException extends PermanentFailureException {
    private static final long serialVersionUID = 1L;

    public ModelChangedException(String stored, String current) {
        super(
                String.format(
                        "the model changed: fingerprint in state=%s, fingerprint of the model=%s; start with the model"
                                + " of before, or set %s=true",
                        stored, current, GenerationOptions.ALLOW_MODEL_CHANGE.key()));
    }
}
