// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.operators.types.CompletionSerializer;
import org.millrace.operators.types.TokenDeltaSerializer;
import org.millrace.operators.types.ValueTypeInfo;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/**
 * Types of what generation sends, for functions and state that have it: {@code .map(function,
 * OutputTypes.COMPLETION)}.
 *
 * <p>Not Flink's Avro types, for the reason that {@link ValueTypeInfo} gives.
 */
public final class OutputTypes {
    public static final TypeInformation<Completion> COMPLETION =
            new ValueTypeInfo<>(Completion.class, CompletionSerializer.INSTANCE);

    public static final TypeInformation<TokenDelta> TOKEN =
            new ValueTypeInfo<>(TokenDelta.class, TokenDeltaSerializer.INSTANCE);

    private OutputTypes() {}
}
