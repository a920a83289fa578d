// SPDX-License-Identifier: Apache-2.0
/** A model: its files, tokenizer, chat template, weights, and the forward pass. */
package org.millrace.engine.model;
