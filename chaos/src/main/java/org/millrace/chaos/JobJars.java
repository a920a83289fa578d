// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

/**
 * The jobs that the cluster check runs.
 *
 * @param current of this build
 * @param previous of an earlier release; null if there is none to upgrade from
 */
record JobJars(Submission current, Submission previous) {}
