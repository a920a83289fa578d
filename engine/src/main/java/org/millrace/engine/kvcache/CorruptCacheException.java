// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * A part of a stored cache whose checksum fails, or that is missing. The session is to be rebuilt
 * from its tokens.
 */
public final class CorruptCacheException extends RuntimeException {
    public CorruptCacheException(String message) {
        super(message);
    }
}
