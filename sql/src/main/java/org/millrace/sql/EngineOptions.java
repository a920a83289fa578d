// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GeneratorOptions;

/**
 * All that an engine depends on: rows of equal ones share one.
 *
 * @param model a path, or a URI of any Flink file system
 */
record EngineOptions(String model, ModelOptions modelOptions, GeneratorOptions generatorOptions) {}
