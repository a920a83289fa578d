// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.lang.reflect.Type;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.operators.types.RejectedPromptSerializer;
import org.millrace.operators.types.ValueTypeInfo;

/**
 * A dead letter: a prompt that cannot be answered.
 *
 * @param detail the limit and the offender by name and value, for people
 * @param partialText generated before it failed
 */
@TypeInfo(RejectedPrompt.Info.class)
public record RejectedPrompt(
        Prompt prompt, DeadLetterReason reason, String detail, String partialText) {
    /** Longest detail, in characters, before its length is told. */
    public static final int MAX_DETAIL = 2000;

    public static final TypeInformation<RejectedPrompt> TYPE =
            new ValueTypeInfo<>(RejectedPrompt.class, RejectedPromptSerializer.INSTANCE);

    public RejectedPrompt {
        detail = abbreviate(detail, MAX_DETAIL);
    }

    /** The text, or if it is longer than {@code most} characters its beginning and its length. */
    public static String abbreviate(String text, int most) {
        if (text.length() <= most) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
        return text.substring(0, end) + "... (length=" + text.length() + ")";
    }

    /** So that Flink finds the serializer wherever a dead letter is a stream's type. */
    public static final class Info extends TypeInfoFactory<RejectedPrompt> {
        @Override
        public TypeInformation<RejectedPrompt> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return TYPE;
        }
    }
}
