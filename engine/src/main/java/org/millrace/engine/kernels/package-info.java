// SPDX-License-Identifier: Apache-2.0
/**
 * The operations of a forward pass behind one interface, and the providers that implement it with
 * equal bits.
 */
package org.millrace.engine.kernels;
