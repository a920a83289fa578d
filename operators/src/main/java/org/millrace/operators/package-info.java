// SPDX-License-Identifier: Apache-2.0
/** The operator that generates: records in and out, step loop, admission, metrics. */
package org.millrace.operators;
