// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Map;

/** Typed access to the metadata of a GGUF file. Integers are held as Long, floats as Double. */
record GgufMetadata(String source, Map<String, Object> values) {
    boolean has(String key) {
        return values.containsKey(key);
    }

    String string(String key) {
        return required(key, stringOr(key, null));
    }

    String stringOr(String key, String fallback) {
        return typed(key, String.class, fallback);
    }

    /** A size that must be there and positive. */
    int size(String key) {
        return sizeOf(key, required(key, typed(key, Long.class, null)));
    }

    int sizeOr(String key, int fallback) {
        return sizeOf(key, longOr(key, fallback));
    }

    long longOr(String key, long fallback) {
        return typed(key, Long.class, fallback);
    }

    double real(String key) {
        return required(key, typed(key, Double.class, null));
    }

    double realOr(String key, double fallback) {
        return typed(key, Double.class, fallback);
    }

    boolean booleanOr(String key, boolean fallback) {
        return typed(key, Boolean.class, fallback);
    }

    GgufArray array(String key) {
        return required(key, typed(key, GgufArray.class, null));
    }

    private int sizeOf(String key, long size) {
        if (size < 1 || size > Integer.MAX_VALUE) {
            throw new ModelFormatException(
                    source + ": " + key + "=" + size + ", must be from 1 to " + Integer.MAX_VALUE);
        }
        return (int) size;
    }

    private <T> T required(String key, T value) {
        if (value == null) {
            throw new ModelFormatException(source + ": metadata " + key + " is missing");
        }
        return value;
    }

    private <T> T typed(String key, Class<T> type, T fallback) {
        Object value = values.get(key);
        if (value == null) {
            return fallback;
        }
        if (!type.isInstance(value)) {
            throw new ModelFormatException(
                    source
                            + ": metadata "
                            + key
                            + " is a "
                            + value.getClass().getSimpleName()
                            + ", expected a "
                            + type.getSimpleName());
        }
        return type.cast(value);
    }
}
