// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What one owner has of a provider, to be closed together: at its end, or at once where it cannot
 * have all that it needs. Not thread safe.
 */
public final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();

    /** Adds a resource, which is closed with the others, and returns it. */
    public <T extends AutoCloseable> T add(T resource) {
        owned.push(resource);
        return resource;
    }

    /** Closes all, the newest first, each once, also where closing one fails. */
    @Override
    public void close() {
        IllegalStateException failure = null;
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = new IllegalStateException("cannot close a resource", e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
