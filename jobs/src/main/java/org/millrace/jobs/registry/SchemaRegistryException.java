// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import java.io.IOException;

/** A Schema Registry that is out of reach or refuses what is asked of it. */
public final class SchemaRegistryException extends IOException {
    private static final long serialVersionUID = 1L;

    SchemaRegistryException(String message, Throwable cause) {
        super(message, cause);
    }
}
