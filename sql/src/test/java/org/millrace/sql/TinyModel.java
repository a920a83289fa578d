// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.net.URISyntaxException;
import java.nio.file.Path;

/**
 * A model of a megabyte with random weights and a chat template: what it says means nothing, but it
 * runs for real. Its context takes 512 tokens.
 */
final class TinyModel {
    private TinyModel() {}

    static Path path() {
        try {
            return Path.of(TinyModel.class.getResource("/golden/tiny/mha32/hf").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
