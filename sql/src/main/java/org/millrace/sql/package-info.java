// SPDX-License-Identifier: Apache-2.0
/**
 * Models for Flink SQL: {@code CREATE MODEL} with provider {@code millrace}, {@code ML_PREDICT}.
 */
package org.millrace.sql;
