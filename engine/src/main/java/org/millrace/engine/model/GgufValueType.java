// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

/** Types of metadata values, in the order of their numbers in a GGUF file. */
enum GgufValueType {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    STRING(0),
    ARRAY(0),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    private static final GgufValueType[] BY_NUMBER = values();

    private final int bytes;

    GgufValueType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one value; 0 for those that say their own length. */
    int bytes() {
        return bytes;
    }

    /** The type of this number; {@code where} names the value in the error if there is none. */
    static GgufValueType of(int number, String where) {
        if (number < 0 || number >= BY_NUMBER.length) {
            throw new ModelFormatException(
                    where
                            + ": unknown valueType="
                            + Integer.toUnsignedString(number)
                            + ", known are 0 to "
                            + (BY_NUMBER.length - 1));
        }
        return BY_NUMBER[number];
    }
}
