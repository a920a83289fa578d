// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;

/**
 * What a policy chooses for each head after a prompt.
 *
 * @param rungs names of the policy's rungs
 * @param tokens of the prompt
 * @param kvHeads of a layer
 * @param heads layer by layer
 */
public record PromptProfile(
        Retention retention, List<String> rungs, int tokens, int kvHeads, List<HeadChoice> heads) {
    /**
     * Encodes a prompt.
     *
     * @param retention of a policy that drops something
     * @param tokens at most the model's context
     */
    public static PromptProfile of(Model model, Retention retention, int[] tokens) {
        SessionTurn turn = new SessionTurn(0, tokens.length, 0, retention);
        List<HeadChoice> heads = new ArrayList<>();
        new Scorer(model)
                .score(
                        List.of(
                                new Scorer.Text(
                                        new Transcript(tokens, List.of(turn)), tokens.length)),
                        new Scorer.Observer() {
                            @Override
                            public void logits(int text, int position, float[] logits) {}

                            @Override
                            public void compacted(
                                    int text, SessionCache cache, List<HeadChoice> choices) {
                                heads.addAll(choices);
                            }
                        });
        return new PromptProfile(
                retention,
                RetentionPolicies.lookup(retention).rungs(),
                tokens.length,
                model.spec().numKvHeads(),
                List.copyOf(heads));
    }

    /** Slots that a head keeps, as a share of the prompt. */
    double keptShare(HeadChoice head) {
        return head.kept().cardinality() / (double) tokens;
    }

    /** Share of all slots that are dropped. */
    public double pruned() {
        long kept = heads.stream().map(HeadChoice::kept).mapToLong(BitSet::cardinality).sum();
        return 1 - kept / ((double) tokens * heads.size());
    }

    int layers() {
        return heads.size() / kvHeads;
    }

    HeadChoice head(int layer, int kvHead) {
        return heads.get(layer * kvHeads + kvHead);
    }
}
