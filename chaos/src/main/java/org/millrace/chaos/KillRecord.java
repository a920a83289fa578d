// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

/**
 * A fault that was.
 *
 * @param phase what the job was in the middle of, by what was seen afterwards
 * @param live turns under way
 * @param recovery how the live sessions came back
 */
record KillRecord(FaultKind kind, Phase phase, int live, Recovery recovery) {}
