// SPDX-License-Identifier: Apache-2.0
/** The command line: the entry point, and the commands that need no Flink and no Kafka. */
package org.millrace.cli;
