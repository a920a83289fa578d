// SPDX-License-Identifier: Apache-2.0
/** A model in a TaskManager: its files, the weights that subtasks share, its device, its pool. */
package org.millrace.operators.model;
