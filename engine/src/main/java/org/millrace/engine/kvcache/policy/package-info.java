// SPDX-License-Identifier: Apache-2.0
/**
 * Which slots of a KV cache a head keeps: FastGen (arXiv 2310.01801) and its kin, as decisions over
 * integer statistics of attention. Pure functions of their arguments: no kernel, no pool, no clock;
 * the same input gives the same slots on every machine.
 *
 * <p>A request asks by a {@link org.millrace.engine.kvcache.policy.Retention}; {@link
 * org.millrace.engine.kvcache.policy.RetentionPolicies} turns it into a {@link
 * org.millrace.engine.kvcache.policy.RetentionPolicy}. That says what to measure while the prompt
 * is encoded, chooses per head from what was measured, and reviews the choice while tokens are
 * generated.
 *
 * <p>A new policy is a class with a {@code PRESET} and a line in {@code RetentionPolicies}.
 */
package org.millrace.engine.kvcache.policy;
