package org.millrace.operators.decode;

import java.util.Locale;

/** Why a record cannot be answered. Its {@link #code} is the reason in a dead letter. */
public enum DeadLetterReason {
    NULL_KEY,
    SESSION_ID_EMPTY,
    SESSION_ID_TOO_LONG,
    NULL_VALUE,
    TOO_LARGE,
    NOT_AVRO,
    UNKNOWN_SCHEMA,
    MALFORMED_AVRO,
    /** Key or a string in the value. */
    INVALID_UTF8,
    UNKNOWN_KIND,
    /** The key is not the session id. */
    KEY_MISMATCH,
    REQUEST_ID_EMPTY,
    REQUEST_ID_TOO_LONG,
    EMPTY_PROMPT,
    TEXT_AND_MESSAGES,
    UNKNOWN_ROLE,
    INVALID_PARAMETER,
    /** The turn's prompt alone, with one token to generate, exceeds the model's context or the page pool. */
    PROMPT_TOO_LONG,
    /** The session with this turn's prompt exceeds the model's context or the page pool. */
    SESSION_TOO_LONG,
    /** The turn failed in the operator; the detail says how. */
    FAILED;

    /** The reason on the topic, in lower case. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }
}
