package org.millrace.engine.kvcache;

/**
 * A stored page, header or tail whose checksum fails, or that is missing. The session is to be
 * rebuilt from its tokens.
 */
public final class CorruptCacheException extends RuntimeException {
    public CorruptCacheException(String message) {
        super(message);
    }
}
