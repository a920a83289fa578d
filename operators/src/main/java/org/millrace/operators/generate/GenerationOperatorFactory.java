// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Completion;

/** Makes the operator of a subtask. Use {@link org.millrace.operators.MillraceGeneration}. */
public final class GenerationOperatorFactory extends AbstractStreamOperatorFactory<Completion>
        implements OneInputStreamOperatorFactory<Prompt, Completion> {
    private static final long serialVersionUID = 1L;

    private final GenerationSettings settings;
    private final GenerationListener.Factory listeners;

    public GenerationOperatorFactory(
            GenerationSettings settings, GenerationListener.Factory listeners) {
        this.settings = settings;
        this.listeners = listeners;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Completion>> T createStreamOperator(
            StreamOperatorParameters<Completion> parameters) {
        return (T) new GenerationOperator(parameters, settings, listeners);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return GenerationOperator.class;
    }
}
