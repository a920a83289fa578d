// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a step of the cluster check showed.
 *
 * @param turns that were published
 * @param outcome what their readers saw
 * @param failure why the step ended early; empty if it did not
 * @param note what is to be said beside figures; may be empty
 */
record StepResult(
        CheckStep step,
        List<Interruption> interruptions,
        List<TurnId> turns,
        Outcome outcome,
        JournalAudit audit,
        String failure,
        String note) {
    /** Longest time that a session may wait for its next token when a TaskManager was killed. */
    static final Duration MAX_GAP = Duration.ofSeconds(12);

    /** Fewest turns that were under way at an interruption. */
    int fewestLive() {
        return interruptions.stream().mapToInt(Interruption::live).min().orElse(0);
    }

    /** Longest time in seconds until the first live session had its next token. */
    double firstSeconds() {
        return interruptions.stream()
                .mapToDouble(interruption -> interruption.recovery().firstSeconds())
                .max()
                .orElse(Double.NaN);
    }

    /** Longest time in seconds until each live session had its next token. */
    double lastSeconds() {
        return interruptions.stream()
                .mapToDouble(interruption -> interruption.recovery().lastSeconds())
                .max()
                .orElse(Double.NaN);
    }

    /** What is wrong, a line each. */
    List<String> findings(Verdict verdict) {
        List<String> findings = new ArrayList<>();
        if (failure.isEmpty()) {
            verdict.lost().forEach(turn -> findings.add("lost: " + turn));
        } else {
            // The job was ended: what was under way has no answer.
            findings.add(failure);
        }
        verdict.doubled().forEach(turn -> findings.add("doubled: " + turn));
        verdict.changed().forEach(turn -> findings.add("changed: " + turn));
        if (audit.promptTokensRecomputed() > 0) {
            findings.add("saved tokens computed again: " + audit.promptTokensRecomputed());
        }
        for (Interruption interruption : interruptions) {
            if (interruption.live() < Moment.MIN_LIVE) {
                findings.add(
                        "too few live generations: "
                                + interruption.live()
                                + " at "
                                + interruption.what());
            }
        }
        if (step == CheckStep.TASKMANAGER && lastSeconds() > MAX_GAP.toSeconds()) {
            findings.add(
                    String.format(
                            Locale.ROOT,
                            "gap=%.1f s, must be at most %d s",
                            lastSeconds(),
                            MAX_GAP.toSeconds()));
        }
        findings.replaceAll(finding -> step + ": " + finding);
        return findings;
    }
}
