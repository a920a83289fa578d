// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

/**
 * What is measured, the same for every contender: all sessions prefill their prompts together, then
 * all generate together, one token each per step, greedily and past end-of-sequence tokens. The two
 * phases are timed apart.
 */
enum Workload {
    PREFILL_512("prefill of 512", Phase.PREFILL, 1, 512, 1),
    ONE_STREAM("one stream", Phase.DECODE, 1, 128, 128),
    SESSIONS_8("8 sessions", Phase.DECODE, 8, 128, 64),
    SESSIONS_32("32 sessions", Phase.DECODE, 32, 128, 64);

    /** The phase that counts. */
    enum Phase {
        PREFILL,
        DECODE
    }

    private final String title;
    private final Phase phase;
    private final int sessions;
    private final int promptTokens;
    private final int generatedTokens;

    Workload(String title, Phase phase, int sessions, int promptTokens, int generatedTokens) {
        this.title = title;
        this.phase = phase;
        this.sessions = sessions;
        this.promptTokens = promptTokens;
        this.generatedTokens = generatedTokens;
    }

    String title() {
        return title;
    }

    Phase phase() {
        return phase;
    }

    int sessions() {
        return sessions;
    }

    /** Per session. */
    int promptTokens() {
        return promptTokens;
    }

    /** Per session, after the token that ends prefill. */
    int generatedTokens() {
        return generatedTokens;
    }
}
