// SPDX-License-Identifier: Apache-2.0
/** Who runs in the next step: sequences, the scheduler, continuous batching, sampling. */
package org.millrace.engine.batch;
