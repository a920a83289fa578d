// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

/**
 * A model file that cannot be used: truncated, wrong magic, missing tensor, unsupported
 * architecture or type.
 */
public final class ModelFormatException extends RuntimeException {
    public ModelFormatException(String message) {
        super(message);
    }

    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
