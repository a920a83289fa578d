// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.IOException;

/** Bytes that are not a record of the expected kind. Names what is wrong with them. */
public final class RecordFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What is wrong with the bytes. */
    public enum Problem {
        /** They do not begin with the header of a {@link WireFormat}. */
        NOT_AVRO,
        /** They are Avro of a schema that is no version of this record. */
        UNKNOWN_SCHEMA,
        /** They are of a registered schema that cannot be read as this record. */
        INCOMPATIBLE_SCHEMA,
        /** A string is not UTF-8. */
        INVALID_UTF8,
        /** They end too early, go on too long, or hold an impossible length or value. */
        MALFORMED
    }

    private final Problem problem;

    RecordFormatException(Problem problem, String message) {
        super(message);
        this.problem = problem;
    }

    public Problem problem() {
        return problem;
    }
}
