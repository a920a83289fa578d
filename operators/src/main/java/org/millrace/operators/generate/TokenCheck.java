// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.Arrays;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Sequence;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.ModelChangedException;
import org.millrace.operators.state.RunningTurn;

/** Whether this model can go on with sessions of another one. Stateless. */
final class TokenCheck {
    private final Model model;
    private final boolean allowModelChange;

    TokenCheck(Model model, boolean allowModelChange) {
        this.model = model;
        this.allowModelChange = allowModelChange;
    }

    /**
     * Checks the model that a session was computed by.
     *
     * @param fingerprint empty before the first turn
     * @throws ModelChangedException if it is another one, and may not be
     */
    void checkModel(String fingerprint) {
        if (!fingerprint.isEmpty()
                && !fingerprint.equals(model.fingerprint())
                && !allowModelChange) {
            throw new ModelChangedException(fingerprint, model.fingerprint());
        }
    }

    /**
     * Checks that the model knows all tokens of a turn that ran before a restore.
     *
     * @throws BadRequestException if it does not
     */
    void check(RunningTurn resumed) throws BadRequestException {
        if (!resumed.modelFingerprint().equals(model.fingerprint())) {
            check(resumed.modelFingerprint(), Sequence.savedTokens(resumed.sequence()));
        }
    }

    /** The same for all tokens of a session. */
    void check(String fingerprint, int[] tokens) throws BadRequestException {
        if (!canTake(fingerprint, tokens)) {
            throw new BadRequestException(
                    DeadLetterReason.OTHER_MODEL,
                    String.format(
                            "sessionTokens=%d with largest token=%d of model %s, must be below contextLength=%d and"
                                    + " vocabSize=%d; end the session and begin it anew",
                            tokens.length,
                            Arrays.stream(tokens).max().orElse(0),
                            fingerprint,
                            model.spec().contextLength(),
                            model.spec().vocabSize()));
        }
    }

    /** Whether the model can compute a session of a model, which may be a larger one. */
    boolean canTake(String fingerprint, int[] tokens) {
        return fingerprint.equals(model.fingerprint())
                || tokens.length < model.spec().contextLength()
                        && Arrays.stream(tokens).allMatch(id -> id < model.spec().vocabSize());
    }
}
