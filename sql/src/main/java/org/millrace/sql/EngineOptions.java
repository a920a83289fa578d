// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.nio.file.Path;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GeneratorOptions;

/** All that an engine depends on: rows of equal ones share one. */
record EngineOptions(Path model, ModelOptions modelOptions, GeneratorOptions generatorOptions) {}
