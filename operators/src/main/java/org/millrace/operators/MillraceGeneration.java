// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.Objects;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.core.memory.ManagedMemoryUseCase;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.millrace.operators.generate.GenerationOperatorFactory;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/**
 * Generation on a stream of prompts: sessions and their KV caches are keyed state, in checkpoints
 * and savepoints with everything else of the job.
 *
 * <pre>{@code
 * MillraceGeneration chat =
 *         MillraceGeneration.of(prompts).model("file:///models/m.gguf").uid("chat").build();
 * chat.completions();   // DataStream<Completion>
 * chat.tokens();        // DataStream<TokenDelta>
 * chat.deadLetters();   // DataStream<RejectedPrompt>
 * }</pre>
 *
 * Prompts of one session are answered in their order, sessions side by side. Answers have the event
 * time and the headers of their prompt. A job may use any number of models: each use has a uid of
 * its own, and its share of the slot's managed memory as page pool.
 *
 * <p>Results are as exact as the job's checkpoints: completions and dead letters come once into
 * what follows in the job, and are made again after a failure; tokens likewise.
 */
public final class MillraceGeneration {
    private final SingleOutputStreamOperator<Completion> completions;

    private MillraceGeneration(SingleOutputStreamOperator<Completion> completions) {
        this.completions = completions;
    }

    /**
     * Begins to describe a use.
     *
     * @throws IllegalArgumentException if the stream is keyed by anything but {@link
     *     Prompt#BY_SESSION}
     */
    public static Builder of(DataStream<Prompt> prompts) {
        if (prompts instanceof KeyedStream<Prompt, ?> keyed
                && keyed.getKeySelector() != (Object) Prompt.BY_SESSION) {
            throw new IllegalArgumentException(
                    "prompts are keyed by "
                            + keyed.getKeySelector().getClass().getName()
                            + "; generation is keyed by Prompt.BY_SESSION alone: give it a stream"
                            + " without a key");
        }
        return new Builder(prompts);
    }

    /** One answer for each turn. */
    public SingleOutputStreamOperator<Completion> completions() {
        return completions;
    }

    /** Tokens as they are generated; their place in the answer is {@code index}. */
    public DataStream<TokenDelta> tokens() {
        return completions.getSideOutput(OutputTags.TOKENS);
    }

    /** Prompts that cannot be answered. */
    public DataStream<RejectedPrompt> deadLetters() {
        return completions.getSideOutput(OutputTags.DEAD_LETTERS);
    }

    /** Describes a use of generation in a job. */
    public static final class Builder {
        private static final int DEFAULT_WEIGHT = 1;

        private final DataStream<Prompt> prompts;
        private final Configuration options = new Configuration();
        private String uid;
        private String name;
        private int poolWeight = DEFAULT_WEIGHT;
        private int parallelism;
        private String slotSharingGroup;
        private GenerationListener.Factory listeners = GenerationListener.Factory.NONE;

        private Builder(DataStream<Prompt> prompts) {
            this.prompts = prompts;
        }

        /**
         * GGUF file or Hugging Face directory: a path on every TaskManager, or the URI of a file in
         * any file system that Flink has.
         */
        public Builder model(String location) {
            return option(GenerationOptions.MODEL, location);
        }

        /** Uid of the operator, by which a savepoint knows it; one for each use in a job. */
        public Builder uid(String operatorUid) {
            uid = operatorUid;
            return this;
        }

        /** Name of the operator in Flink's UI and metrics; the uid unless it is set. */
        public Builder name(String operatorName) {
            name = operatorName;
            return this;
        }

        /** Sets one of {@link GenerationOptions}. */
        public <T> Builder option(ConfigOption<T> option, T value) {
            options.set(option, value);
            return this;
        }

        /** Sets all of {@link GenerationOptions} that a configuration has. */
        public Builder options(ReadableConfig config) {
            options.addAll(Configuration.fromMap(config.toMap()));
            return this;
        }

        /**
         * Share of the slot's managed memory for operators that the page pool gets, beside the
         * shares of other uses in the slot; 1 unless it is set.
         */
        public Builder poolWeight(int weight) {
            poolWeight = weight;
            return this;
        }

        /** Subtasks; the environment's parallelism unless it is set. */
        public Builder parallelism(int subtasks) {
            parallelism = subtasks;
            return this;
        }

        /** Slots that the operator shares; those of its input unless it is set. */
        public Builder slotSharingGroup(String group) {
            slotSharingGroup = group;
            return this;
        }

        /** Told what subtasks compute, for tests and audits. */
        public Builder listener(GenerationListener.Factory factory) {
            listeners = factory;
            return this;
        }

        /**
         * Puts the operator into the job.
         *
         * @throws IllegalArgumentException if an option is missing or out of its range, naming it
         */
        public MillraceGeneration build() {
            Objects.requireNonNull(uid, "no uid: give each use in a job one of its own");
            SingleOutputStreamOperator<Completion> operator =
                    prompts.keyBy(Prompt.BY_SESSION, Types.STRING)
                            .transform(
                                    name == null ? uid : name,
                                    OutputTypes.COMPLETION,
                                    new GenerationOperatorFactory(
                                            GenerationSettings.of(options), listeners))
                            .uid(uid);
            if (parallelism > 0) {
                operator.setParallelism(parallelism);
            }
            if (slotSharingGroup != null) {
                operator.slotSharingGroup(slotSharingGroup);
            }
            operator.getTransformation()
                    .declareManagedMemoryUseCaseAtOperatorScope(
                            ManagedMemoryUseCase.OPERATOR, poolWeight);
            return new MillraceGeneration(operator);
        }
    }
}
