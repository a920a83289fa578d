// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.List;
import org.millrace.engine.model.spec.HeadShape;
import org.millrace.engine.model.spec.RotarySpec;

/**
 * What a model file says of its architecture, the same questions for both formats. A parameter that
 * formats name differently is asked for by both names: that of {@code config.json}, and that of
 * GGUF without its architecture prefix. All methods throw {@code ModelFormatException}, naming file
 * and key, for what is missing, malformed or out of range.
 */
public interface Hyperparameters {
    /** For people; may be empty. */
    String name();

    int numLayers();

    int hiddenSize();

    int intermediateSize();

    HeadShape heads();

    int vocabSize();

    int contextLength();

    /** Epsilon of RMSNorm. */
    float normEps();

    /** A number, or {@code fallback} where the file has none. */
    double numberOr(String huggingFace, String gguf, double fallback);

    /** A truth value, or {@code fallback} where the file has none. */
    boolean booleanOr(String huggingFace, String gguf, boolean fallback);

    /** A text, or {@code fallback} where the file has none. */
    String textOr(String huggingFace, String gguf, String fallback);

    /** An array of numbers or truth values (1 and 0); empty where the file has none. */
    List<Double> numbers(String huggingFace, String gguf);

    /** Whether the file has a tensor of this canonical (GGUF) name. */
    boolean has(String tensor);

    /**
     * Rotary embedding of all layers with its scaling.
     *
     * @param fraction of a head that is rotated where the file does not say
     */
    RotarySpec rotary(double fraction);

    /**
     * Rotary embedding of layers with a window, where they have one of their own: never scaled.
     *
     * @param theta where the file does not say
     */
    RotarySpec windowRotary(double theta);

    /**
     * Whether a layer has a window.
     *
     * @param period every so many layers one sees all positions, where the file does not say
     */
    boolean hasWindow(int layer, int period);

    /** The error of a parameter that this family does not know how to compute with. */
    RuntimeException unsupported(String huggingFace, String gguf, Object value, String supported);
}
