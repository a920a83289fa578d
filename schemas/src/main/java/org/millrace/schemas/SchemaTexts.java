// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.IOException;
import java.io.Serializable;

/** Schemas by the id that somebody has given them. Thread safe. */
public interface SchemaTexts extends Serializable {
    /**
     * A schema's text as it was registered, which need not be Avro; null if no schema has the id.
     *
     * @throws IOException if it cannot be told now
     */
    String text(int id) throws IOException;
}
