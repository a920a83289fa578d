// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.nio.file.Path;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.millrace.engine.ModelOptions;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.Journal;

/** How the operator of a test is set up: caches keep everything unless it says otherwise. */
record Setup(Configuration config, GenerationListener.Factory listeners) {
    static Setup of(Path model, ModelOptions options) {
        Configuration config = new Configuration();
        config.set(GenerationOptions.MODEL, model.toString());
        config.set(GenerationOptions.KV_TYPE, options.kvType());
        config.set(GenerationOptions.ACTIVATIONS, options.activations());
        config.set(GenerationOptions.KERNELS, options.provider());
        config.set(GenerationOptions.THREADS, options.threads());
        config.set(GenerationOptions.RETENTION, "full");
        return new Setup(config, GenerationListener.Factory.NONE);
    }

    <T> Setup with(ConfigOption<T> option, T value) {
        Configuration more = config.clone();
        more.set(option, value);
        return new Setup(more, listeners);
    }

    Setup journal(Path file) {
        return listening(Journal.in(file.toString()));
    }

    Setup listening(GenerationListener.Factory factory) {
        return new Setup(config, factory);
    }

    GenerationSettings settings() {
        return GenerationSettings.of(config);
    }
}
