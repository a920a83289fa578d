// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

/** How queries and keys are normalised (RMSNorm) before attention. */
public enum HeadNorm {
    NONE,
    /** Each head by itself, before rotation (Qwen3, Gemma 3). */
    EACH_HEAD,
    /** Each head by itself, after rotation (Hunyuan). */
    EACH_HEAD_ROTATED,
    /** All heads as one row, before rotation (OLMo 2). */
    ALL_HEADS
}
