// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;

/** A line of a prompts file that cannot be published; the message begins with file and line. */
public final class PromptFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    PromptFormatException(String source, int line, String problem) {
        super(source + ":" + line + ": " + problem);
    }
}
