// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * A stored cache of another model, KV type, page size, numerics or format version. It is never
 * read.
 */
public final class IncompatibleCacheException extends RuntimeException {
    public IncompatibleCacheException(String message) {
        super(message);
    }
}
