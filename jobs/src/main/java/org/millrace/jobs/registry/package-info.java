// SPDX-License-Identifier: Apache-2.0
/** Avro schemas of topics in a Schema Registry that speaks Confluent's REST API. */
package org.millrace.jobs.registry;
