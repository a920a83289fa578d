// SPDX-License-Identifier: Apache-2.0
/** Measures what compression does to a model: quality against bytes. */
package org.millrace.eval;
