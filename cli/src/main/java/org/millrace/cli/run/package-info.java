// SPDX-License-Identifier: Apache-2.0
/** {@code millrace run}: broker, cluster and job in one process, from start to report. */
package org.millrace.cli.run;
