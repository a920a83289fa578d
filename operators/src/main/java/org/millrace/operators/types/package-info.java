// SPDX-License-Identifier: Apache-2.0
/**
 * Flink types of the stream's records and of state: versioned frames, no Kryo, no Java
 * serialisation.
 */
package org.millrace.operators.types;
