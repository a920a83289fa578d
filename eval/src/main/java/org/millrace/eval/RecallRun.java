// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Asks for facts that were told, under retention policies, beside the full cache: the right answer
 * has to be the likeliest. Only what the full cache gets right counts. Single threaded.
 */
public final class RecallRun {
    /** Policies go side by side as long as their caches stay below. */
    private static final long MAX_CACHE_BYTES = 1L << 30;

    private final Model model;
    private final Model reference;
    private final List<Retention> policies;
    private final Quizzes quizzes;
    private final IntConsumer progress;

    /**
     * @param reference the model with the full cache
     * @param progress is told of policies that are through with a window: how many
     */
    public RecallRun(Model model, Model reference, List<Retention> policies, IntConsumer progress)
            throws IOException {
        this.model = model;
        this.reference = reference;
        this.policies = policies;
        this.quizzes = new Quizzes(model);
        this.progress = progress;
    }

    /**
     * Facts at several depths of a context. One result per policy, in their order.
     *
     * @param windows of contexts of one length, at least one
     * @throws IOException if the context is too short for the facts
     */
    public List<RecallResult> inContext(List<TextWindow> windows) throws IOException {
        List<Quiz> all = new ArrayList<>();
        for (TextWindow window : windows) {
            all.add(quizzes.planted(window, all.size()));
        }
        return measure(all, windows.get(0).context());
    }

    /**
     * Facts told in the first turn of a conversation and asked for after several. One result per
     * policy, in their order.
     *
     * @param windows of contexts of one length, at least one
     * @throws IOException if the context is too short for the facts
     */
    public List<RecallResult> overTurns(List<TextWindow> windows) throws IOException {
        List<Quiz> all = new ArrayList<>();
        for (TextWindow window : windows) {
            all.add(quizzes.told(window, all.size()));
        }
        return measure(all, windows.get(0).context());
    }

    private List<RecallResult> measure(List<Quiz> all, int context) throws IOException {
        for (Quiz quiz : all) {
            checkLength(quiz);
        }
        List<RecallResult> results = new ArrayList<>();
        policies.forEach(policy -> results.add(new RecallResult(policy, context, new TreeMap<>())));
        for (Quiz quiz : all) {
            List<Boolean> known = take(reference, List.of(Retention.FULL), quiz).get(0);
            progress.accept(1);
            int batch = batch(quiz);
            for (int from = 0; from < policies.size(); from += batch) {
                int to = Math.min(from + batch, policies.size());
                List<List<Boolean>> answered = take(model, policies.subList(from, to), quiz);
                for (int i = from; i < to; i++) {
                    count(results.get(i), quiz, known, answered.get(i - from));
                }
                progress.accept(to - from);
            }
        }
        return results;
    }

    private void checkLength(Quiz quiz) throws IOException {
        int limit = model.spec().contextLength();
        if (quiz.longest() > limit) {
            throw new IOException(
                    "session with questions too long: tokens="
                            + quiz.longest()
                            + ", must not exceed contextLength="
                            + limit);
        }
    }

    private int batch(Quiz quiz) {
        CacheLayout layout = model.cacheLayout();
        long bytes = layout.poolBytes(layout.pagesFor(quiz.longest()));
        return (int) Math.max(1, MAX_CACHE_BYTES / bytes);
    }

    /** Whether each question is answered rightly, by policy. */
    private static List<List<Boolean>> take(Model model, List<Retention> policies, Quiz quiz) {
        BranchedSession session = new BranchedSession(model, policies);
        List<List<Boolean>> right = new ArrayList<>();
        policies.forEach(policy -> right.add(new ArrayList<>()));
        for (Quiz.Stop stop : quiz.stops()) {
            session.goOn(stop.dialogue());
            for (Question question : stop.questions()) {
                List<double[]> likelihoods = session.ask(question);
                for (int i = 0; i < policies.size(); i++) {
                    right.get(i).add(question.isRight(likelihoods.get(i)));
                }
            }
        }
        return right;
    }

    private static void count(
            RecallResult result, Quiz quiz, List<Boolean> known, List<Boolean> answered) {
        int index = 0;
        for (Quiz.Stop stop : quiz.stops()) {
            for (Question question : stop.questions()) {
                boolean isItem = known.get(index);
                boolean isRight = isItem && answered.get(index);
                RecallResult.Score score =
                        new RecallResult.Score(isRight ? 1 : 0, isItem ? 1 : 0, 1);
                result.byPlace().merge(question.place(), score, RecallResult.Score::plus);
                index++;
            }
        }
    }
}
