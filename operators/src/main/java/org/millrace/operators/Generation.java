// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.core.memory.ManagedMemoryUseCase;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;

/** Puts generation into a job. */
public final class Generation {
    /** Name and uid of the operator, the same in every job so that savepoints fit. */
    public static final String NAME = "generate";

    private Generation() {}

    /**
     * Completions of the prompts; tokens and dead letters are side outputs ({@link OutputTags}).
     * The page pool of a subtask is its share of the slot's managed memory.
     *
     * @param managedMemoryWeight share of the pool next to the slot's other operators with
     *     OPERATOR-scope memory; the state backend's and others' shares are set by {@code
     *     taskmanager.memory.managed.consumer-weights}
     */
    public static SingleOutputStreamOperator<OutputRecord> generate(
            DataStream<PromptEnvelope> prompts,
            GenerationOptions options,
            int parallelism,
            int managedMemoryWeight) {
        SingleOutputStreamOperator<OutputRecord> completions =
                prompts.keyBy(PromptEnvelope::sessionId, Types.STRING)
                        .transform(NAME, OutputRecord.TYPE, new GenerationOperatorFactory(options))
                        .uid(NAME)
                        .setParallelism(parallelism);
        completions
                .getTransformation()
                .declareManagedMemoryUseCaseAtOperatorScope(
                        ManagedMemoryUseCase.OPERATOR, managedMemoryWeight);
        return completions;
    }
}
