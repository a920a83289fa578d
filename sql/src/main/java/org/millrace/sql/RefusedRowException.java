// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

/** A row that can never be answered by this model. The message is {@link Answer.Refused}'s. */
final class RefusedRowException extends Exception {
    private static final long serialVersionUID = 1L;

    RefusedRowException(String name, String detail) {
        super(name + ": " + detail);
    }
}
