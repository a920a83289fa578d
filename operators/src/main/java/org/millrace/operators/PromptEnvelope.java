// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.operators.types.PromptEnvelopeSerializer;
import org.millrace.operators.types.ValueTypeInfo;
import org.millrace.schemas.PromptRequest;

/**
 * A decoded record of the prompts topic: input of the generation operator, keyed by {@link
 * #sessionId()}. A value: nobody changes the request once it is in an envelope.
 *
 * @param original what a dead letter needs of the record's value
 */
public record PromptEnvelope(PromptRequest request, Origin origin, OriginalValue original) {
    public static final TypeInformation<PromptEnvelope> TYPE =
            new ValueTypeInfo<>(PromptEnvelope.class, PromptEnvelopeSerializer.INSTANCE);

    public String sessionId() {
        return request.getSessionId();
    }

    public String requestId() {
        return request.getRequestId();
    }
}
