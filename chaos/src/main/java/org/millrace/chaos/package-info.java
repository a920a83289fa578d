// SPDX-License-Identifier: Apache-2.0
/**
 * {@code millrace chaos}: the job on real processes that are killed under load, and what came out
 * of it beside an undisturbed run.
 */
package org.millrace.chaos;
