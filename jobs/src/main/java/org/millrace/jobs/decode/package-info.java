// SPDX-License-Identifier: Apache-2.0
/**
 * From the bytes of a Kafka record to a request that can be answered, or a dead letter with a named
 * reason.
 */
package org.millrace.jobs.decode;
