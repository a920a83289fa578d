// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.decode;

import java.io.IOException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.millrace.operators.DeadLetters;
import org.millrace.operators.OriginalValue;
import org.millrace.operators.OutputTags;
import org.millrace.operators.PromptEnvelope;
import org.millrace.schemas.WireFormat;

/**
 * Decodes raw records; what cannot be answered goes to {@link OutputTags#DEAD_LETTERS}. Fails only
 * where the format cannot tell what a record is: nothing is known to be wrong with it then.
 */
public final class DecodeFunction extends ProcessFunction<RawRecord, PromptEnvelope>
        implements ResultTypeQueryable<PromptEnvelope> {
    private static final long serialVersionUID = 1L;

    private final WireFormat format;
    private transient Counter deadLetters;

    public DecodeFunction(WireFormat format) {
        this.format = format;
    }

    @Override
    public void open(OpenContext context) {
        deadLetters = DeadLetters.counter(getRuntimeContext().getMetricGroup());
    }

    @Override
    public void processElement(RawRecord record, Context context, Collector<PromptEnvelope> out)
            throws IOException {
        OriginalValue original = OriginalValue.of(record.value());
        try {
            out.collect(
                    new PromptEnvelope(
                            RequestDecoder.decode(record, format), record.origin(), original));
        } catch (BadRequestException e) {
            deadLetters.inc();
            context.output(
                    OutputTags.DEAD_LETTERS,
                    DeadLetters.of(
                            record.origin(),
                            original,
                            RequestDecoder.sessionIdOrNull(record.key()),
                            null,
                            e.reason(),
                            e.getMessage()));
        }
    }

    @Override
    public TypeInformation<PromptEnvelope> getProducedType() {
        return PromptEnvelope.TYPE;
    }
}
