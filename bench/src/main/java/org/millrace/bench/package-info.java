// SPDX-License-Identifier: Apache-2.0
/**
 * Benchmarks: Millrace beside a natively built llama.cpp, the job beside the bare engine loop, and
 * the kernels by themselves. {@code bench/run} is the entry.
 */
package org.millrace.bench;
