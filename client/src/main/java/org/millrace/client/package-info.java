// SPDX-License-Identifier: Apache-2.0
/** Clients of the topics: prompts from JSON lines into Kafka, tokens and answers out of it. */
package org.millrace.client;
