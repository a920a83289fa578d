// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.TaskStateManager;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.millrace.operators.state.StateFiles;

/**
 * Makes the generation operator of a subtask. Use {@link Generation#generate} to put it into a job.
 */
public final class GenerationOperatorFactory extends AbstractStreamOperatorFactory<OutputRecord>
        implements OneInputStreamOperatorFactory<PromptEnvelope, OutputRecord> {
    private static final long serialVersionUID = 1L;

    private final GenerationOptions options;

    public GenerationOperatorFactory(GenerationOptions options) {
        this.options = options;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<OutputRecord>> T createStreamOperator(
            StreamOperatorParameters<OutputRecord> parameters) {
        checkStateFiles(parameters);
        return (T) new GenerationOperator(parameters, options);
    }

    private static void checkStateFiles(StreamOperatorParameters<OutputRecord> parameters) {
        TaskStateManager states =
                parameters.getContainingTask().getEnvironment().getTaskStateManager();
        OperatorID operator = parameters.getStreamConfig().getOperatorID();
        try {
            StateFiles.check(states.prioritizedOperatorState(operator));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return GenerationOperator.class;
    }
}
