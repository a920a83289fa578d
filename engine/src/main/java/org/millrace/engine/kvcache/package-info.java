// SPDX-License-Identifier: Apache-2.0
/**
 * KV caches: pages of one KV head each, page tables, sessions, and their stored form. Knows no
 * kernel provider.
 */
package org.millrace.engine.kvcache;
