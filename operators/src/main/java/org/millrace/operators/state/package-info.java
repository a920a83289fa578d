// SPDX-License-Identifier: Apache-2.0
/** Keyed state of sessions: its values, their formats, and the one class that touches it. */
package org.millrace.operators.state;
