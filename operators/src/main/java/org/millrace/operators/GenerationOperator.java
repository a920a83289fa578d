package org.millrace.operators;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Runs the model over the prompts of its key groups. */
final class GenerationOperator extends AbstractStreamOperator<OutputRecord>
        implements OneInputStreamOperator<PromptEnvelope, OutputRecord> {
    private static final long serialVersionUID = 1L;

    private final transient GenerationOptions options;

    GenerationOperator(
            StreamOperatorParameters<OutputRecord> parameters, GenerationOptions options) {
        super(parameters);
        this.options = options;
    }

    @Override
    public void processElement(StreamRecord<PromptEnvelope> element) {
        throw new UnsupportedOperationException(options.model());
    }
}
