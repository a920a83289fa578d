// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.IntBuffer;
import java.util.Optional;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * What a text begins with, before anything is compressed. Texts of equal beginnings have equal
 * caches so far, measurements included.
 *
 * @param tokens compared by content
 * @param measured what attention measures on the way; empty if nothing
 */
record Beginning(IntBuffer tokens, Optional<ProfiledTurn> measured) {
    int length() {
        return tokens.remaining();
    }

    /** The transcript cut off behind this. */
    Transcript of(Transcript transcript) {
        int[] begin = new int[length()];
        tokens.duplicate().get(begin);
        return new Transcript(begin, transcript.turns());
    }
}
