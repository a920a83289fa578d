// SPDX-License-Identifier: Apache-2.0
/**
 * Flink SQL: models ({@code CREATE MODEL} with provider {@code millrace}, {@code ML_PREDICT}) and
 * tables of answers with sessions in state (connector {@code millrace}).
 */
package org.millrace.sql;
