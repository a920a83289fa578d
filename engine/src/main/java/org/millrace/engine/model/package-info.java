/** A model: its files, tokenizer, chat template, weights, and the forward pass. */
package org.millrace.engine.model;
