// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/** Element type of cached keys and values. */
public enum KvType {
    F32,
    F16,
    /** Signed bytes with one float32 scale per slot for K and one for V. */
    INT8
}
