// SPDX-License-Identifier: Apache-2.0
/** Weights as they lie in files: types, blocks, their exact values. */
package org.millrace.engine.tensor;
