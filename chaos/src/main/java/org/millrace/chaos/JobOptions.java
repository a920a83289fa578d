// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.millrace.engine.Model;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationSettings;

/** Options of the jobs that run on one cluster. */
final class JobOptions {
    private JobOptions() {}

    /** A job with a name and topics of its own, and a subtask on each TaskManager. */
    static Configuration named(String name, Configuration options) {
        Configuration config = new Configuration(options);
        config.set(PipelineOptions.NAME, name);
        config.set(MillraceOptions.PROMPTS_TOPIC, name + "-prompts");
        config.set(MillraceOptions.TOKENS_TOPIC, name + "-tokens");
        config.set(MillraceOptions.COMPLETIONS_TOPIC, name + "-completions");
        config.set(MillraceOptions.DEAD_LETTERS_TOPIC, name + "-dead-letters");
        config.set(CoreOptions.DEFAULT_PARALLELISM, ProcessGroup.TASK_MANAGERS);
        return config;
    }

    /** Tokens that a session may have with the model that the options name. */
    static int contextLength(Configuration options) throws IOException {
        try (Model model =
                Model.open(
                        Path.of(options.get(GenerationOptions.MODEL)),
                        GenerationSettings.modelOptions(options))) {
            return model.spec().contextLength();
        }
    }
}
