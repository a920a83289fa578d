// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.Locale;

/**
 * Why a record of the prompts topic cannot be answered. Part of the {@code DeadLetter} schema by
 * {@link #code()}.
 */
public enum DeadLetterReason {
    NULL_KEY,
    KEY_TOO_LONG,
    INVALID_UTF8,
    NULL_VALUE,
    TOO_LARGE,
    NOT_AVRO,
    UNKNOWN_SCHEMA,
    /** Of a schema in the registry that no prompt can be read by. */
    INCOMPATIBLE_SCHEMA,
    MALFORMED_AVRO,
    UNKNOWN_KIND,
    KEY_MISMATCH,
    SESSION_ID_EMPTY,
    REQUEST_ID_EMPTY,
    REQUEST_ID_TOO_LONG,
    EMPTY_PROMPT,
    TEXT_AND_MESSAGES,
    UNKNOWN_ROLE,
    /** A sampling parameter or limit outside of its range. */
    INVALID_PARAMETER,
    /** This turn's prompt alone does not fit in the model's context. */
    PROMPT_TOO_LONG,
    /** The session's earlier turns and this prompt together do not fit in the model's context. */
    SESSION_TOO_LONG,
    /** The session has tokens that this model does not know, or more than its context takes. */
    OTHER_MODEL,
    /** What the turn may need at most exceeds the whole page pool. */
    POOL_TOO_SMALL,
    /** More requests of the session wait than may. */
    SESSION_QUEUE_FULL,
    /** A key, value or logit that is not a finite number: of no use to go on from. */
    NON_FINITE,
    /** The tenant's token budget of the period has no room for it. */
    BUDGET_EXCEEDED,
    /** The model could not take the prompt for a reason of its own, which the detail gives. */
    FAILED;

    /** As written in a dead letter. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }
}
