// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.eval.ComparedMethod;
import org.millrace.eval.DivergenceResult;
import org.millrace.eval.DivergenceRun;
import org.millrace.eval.QualityResult;
import org.millrace.eval.QualityRun;
import org.millrace.eval.RecallResult;
import org.millrace.eval.RecallRun;
import org.millrace.eval.TextWindow;

/**
 * Measures policies on windows, showing how far it is.
 *
 * @param model whose caches are compressed
 * @param reference the same with the full cache
 * @param windows by length of context
 */
record EvalMeasurements(Model model, Model reference, List<List<TextWindow>> windows) {
    List<QualityResult> predictions(List<Retention> policies, List<ComparedMethod> methods) {
        if (policies.isEmpty() && methods.isEmpty()) {
            return List.of();
        }
        long tokens =
                windows.stream()
                        .flatMap(List::stream)
                        .mapToLong(window -> window.tokens().length - window.context())
                        .sum();
        List<QualityResult> results = new ArrayList<>();
        long runs = policies.size() + methods.size() + 1L;
        try (Progress progress = Progress.start("Predictions", runs * tokens)) {
            QualityRun run = new QualityRun(model, reference, policies, methods, progress::stepBy);
            for (List<TextWindow> ofContext : windows) {
                results.addAll(run.measure(ofContext));
            }
        }
        return results;
    }

    List<RecallResult> recall(List<Retention> policies) throws IOException {
        List<RecallResult> results = new ArrayList<>();
        try (Progress progress = start("Recall", policies)) {
            RecallRun run = new RecallRun(model, reference, policies, progress::stepBy);
            for (List<TextWindow> ofContext : windows) {
                results.addAll(run.inContext(ofContext));
            }
        }
        return results;
    }

    List<RecallResult> turns(List<Retention> policies) throws IOException {
        List<RecallResult> results = new ArrayList<>();
        try (Progress progress = start("Turns", policies)) {
            RecallRun run = new RecallRun(model, reference, policies, progress::stepBy);
            for (List<TextWindow> ofContext : windows) {
                results.addAll(run.overTurns(ofContext));
            }
        }
        return results;
    }

    List<DivergenceResult> divergence(List<Retention> policies) {
        List<DivergenceResult> results = new ArrayList<>();
        try (Progress progress = start("Divergence", policies)) {
            DivergenceRun run = new DivergenceRun(model, reference, policies, progress::stepBy);
            for (List<TextWindow> ofContext : windows) {
                results.addAll(run.measure(ofContext));
            }
        }
        return results;
    }

    /** Of work that goes by contexts under a policy, or under none. */
    private Progress start(String task, List<Retention> policies) {
        long contexts = windows.stream().mapToLong(List::size).sum();
        return Progress.startLong(task, contexts * (policies.size() + 1));
    }
}
