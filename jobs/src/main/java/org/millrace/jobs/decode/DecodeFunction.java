// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.decode;

import java.io.IOException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.millrace.jobs.DeadLetters;
import org.millrace.jobs.OriginalValue;
import org.millrace.jobs.OutputRecord;
import org.millrace.jobs.PromptAttachment;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterMetrics;
import org.millrace.operators.Prompt;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.WireFormat;

/**
 * Decodes raw records; what cannot be answered goes to {@link OutputTags#DEAD_LETTERS}. Fails only
 * where the format cannot tell what a record is: nothing is known to be wrong with it then.
 */
public final class DecodeFunction extends ProcessFunction<RawRecord, Prompt>
        implements ResultTypeQueryable<Prompt> {
    /** Records that are no prompts. */
    public static final OutputTag<OutputRecord> DEAD_LETTERS =
            new OutputTag<>("undecoded", OutputRecord.TYPE);

    private static final long serialVersionUID = 1L;

    private final WireFormat format;
    private transient Counter deadLetters;

    public DecodeFunction(WireFormat format) {
        this.format = format;
    }

    @Override
    public void open(OpenContext context) {
        deadLetters = DeadLetterMetrics.counter(getRuntimeContext().getMetricGroup());
    }

    @Override
    public void processElement(RawRecord record, Context context, Collector<Prompt> out)
            throws IOException {
        OriginalValue original = OriginalValue.of(record.value());
        try {
            PromptRequest request = RequestDecoder.decode(record, format);
            out.collect(
                    new Prompt(
                            request,
                            record.origin().answerHeaders(),
                            new PromptAttachment(record.origin(), original).encode(request)));
        } catch (BadRequestException e) {
            deadLetters.inc();
            context.output(
                    DEAD_LETTERS,
                    DeadLetters.of(
                            record.origin(),
                            original,
                            RequestDecoder.sessionIdOrNull(record.key()),
                            e.reason(),
                            e.getMessage()));
        }
    }

    @Override
    public TypeInformation<Prompt> getProducedType() {
        return Prompt.TYPE;
    }
}
