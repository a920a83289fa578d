// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.StoredCache;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.RetentionPolicy;

/**
 * Scores windows of texts under retention policies, side by side, beside the full cache. Single
 * threaded.
 */
public final class QualityRun {
    /** Policies share a batch as long as their pools stay below. */
    private static final long MAX_POOL_BYTES = 2L << 30;

    private final Model model;
    private final Model reference;
    private final List<Retention> policies;
    private final Map<Retention, ComparedMethod> methods = new HashMap<>();
    private final IntConsumer progress;

    /**
     * @param reference the model with the full cache
     * @param methods are compared with the policies, after them
     * @param progress is told of every token that was scored: 1
     */
    public QualityRun(
            Model model,
            Model reference,
            List<Retention> policies,
            List<ComparedMethod> methods,
            IntConsumer progress) {
        this.model = model;
        this.reference = reference;
        methods.forEach(method -> this.methods.put(method.retention(), method));
        this.policies =
                Stream.concat(policies.stream(), methods.stream().map(ComparedMethod::retention))
                        .toList();
        this.progress = progress;
    }

    /**
     * One result per policy, in their order.
     *
     * @param windows of contexts of one length, at least one
     */
    public List<QualityResult> measure(List<TextWindow> windows) {
        List<List<WindowScore>> scores = new ArrayList<>();
        policies.forEach(policy -> scores.add(new ArrayList<>()));
        for (TextWindow window : windows) {
            List<WindowScore> ofWindow = measure(window);
            for (int i = 0; i < policies.size(); i++) {
                scores.get(i).add(ofWindow.get(i));
            }
        }
        List<QualityResult> results = new ArrayList<>();
        for (int i = 0; i < policies.size(); i++) {
            results.add(QualityResult.of(policies.get(i), windows.get(0).context(), scores.get(i)));
        }
        return results;
    }

    private List<WindowScore> measure(TextWindow window) {
        Prediction[] full = new Prediction[window.continuation()];
        new Scorer(reference)
                .score(
                        List.of(text(window, Retention.FULL)),
                        (text, position, logits) -> {
                            int index = position + 1 - window.context();
                            if (index < full.length) {
                                full[index] = new Prediction(logits);
                                progress.accept(1);
                            }
                        });
        List<WindowScore> scores = new ArrayList<>();
        int batch = batch(window);
        for (int from = 0; from < policies.size(); from += batch) {
            int to = Math.min(from + batch, policies.size());
            scores.addAll(measure(window, full, policies.subList(from, to)));
        }
        return scores;
    }

    private int batch(TextWindow window) {
        CacheLayout layout = model.cacheLayout();
        long bytes = layout.poolBytes(layout.pagesFor(window.tokens().length));
        return (int) Math.max(1, MAX_POOL_BYTES / bytes);
    }

    private List<WindowScore> measure(
            TextWindow window, Prediction[] full, List<Retention> compared) {
        List<Scorer.Text> texts = new ArrayList<>();
        List<WindowScore> scores = new ArrayList<>();
        for (Retention retention : compared) {
            texts.add(text(window, retention));
            scores.add(new WindowScore(window.continuation(), reference.cacheLayout()));
        }
        new Scorer(model, retention -> policy(retention, window))
                .score(
                        texts,
                        new Scorer.Observer() {
                            @Override
                            public void logits(int text, int position, float[] logits) {
                                int index = position + 1 - window.context();
                                if (index < full.length) {
                                    int token = window.tokens()[position + 1];
                                    scores.get(text)
                                            .add(index, token, full[index], new Prediction(logits));
                                    progress.accept(1);
                                }
                            }

                            @Override
                            public void compacted(
                                    int text, SessionCache cache, List<HeadChoice> heads) {
                                scores.get(text).compacted(cache, heads, window.context());
                            }

                            @Override
                            public void ended(int text, SessionCache cache, StoredCache start) {
                                scores.get(text).ended(cache, window.context());
                            }
                        });
        return scores;
    }

    private RetentionPolicy policy(Retention retention, TextWindow window) {
        ComparedMethod method = methods.get(retention);
        return method == null ? RetentionPolicies.lookup(retention) : method.policy(window);
    }

    private static Scorer.Text text(TextWindow window, Retention retention) {
        SessionTurn turn = new SessionTurn(0, window.context(), 0, retention);
        return new Scorer.Text(
                new Transcript(window.tokens(), List.of(turn)), window.context() - 1);
    }
}
