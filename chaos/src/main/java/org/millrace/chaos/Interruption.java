// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

/**
 * Something that stopped the generations of a job for a while.
 *
 * @param live turns under way when it began
 * @param recovery how the live sessions came back
 */
record Interruption(String what, int live, Recovery recovery) {}
