// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.List;

/**
 * A question that branches off a session.
 *
 * @param place how deep in the context the fact is, in percent, or how many turns ago it was told
 * @param asked the session with the question, up to the answer
 * @param answers tokens of each possible answer, at least one
 * @param right index of the right one
 */
record Question(int place, Dialogue asked, List<int[]> answers, int right) {
    /**
     * Whether the right answer is the likeliest of all.
     *
     * @param likelihoods of the answers
     */
    boolean isRight(double[] likelihoods) {
        for (int i = 0; i < likelihoods.length; i++) {
            if (i != right && likelihoods[i] >= likelihoods[right]) {
                return false;
            }
        }
        return true;
    }
}
