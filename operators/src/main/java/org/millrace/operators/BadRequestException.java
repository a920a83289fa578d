// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

/**
 * A record that belongs on the dead-letter topic, and why. Without a stack trace: it is an answer,
 * not a failure.
 */
public final class BadRequestException extends Exception {
    private static final long serialVersionUID = 1L;

    private final DeadLetterReason reason;

    public BadRequestException(DeadLetterReason reason, String detail) {
        super(detail, null, false, false);
        this.reason = reason;
    }

    public DeadLetterReason reason() {
        return reason;
    }
}
