// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.StoredCache;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * One session under several policies, side by side: it goes on, compressed turn by turn as in real
 * use, and questions branch off without leaving a trace in it. Single threaded.
 */
final class BranchedSession {
    /** Branches share a batch as long as their pools stay below. */
    private static final long MAX_POOL_BYTES = 1L << 30;

    private final Model model;
    private final List<Retention> policies;

    /** By policy; null before the first turn. */
    private List<StoredCache> caches;

    BranchedSession(Model model, List<Retention> policies) {
        this.model = model;
        this.policies = policies;
        this.caches = new ArrayList<>(Collections.nCopies(policies.size(), null));
    }

    /**
     * What is said next.
     *
     * @param dialogue begins with what was said before
     */
    void goOn(Dialogue dialogue) {
        Dialogue computed = dialogue.computed();
        List<Scorer.Text> texts = new ArrayList<>();
        for (int i = 0; i < policies.size(); i++) {
            texts.add(
                    new Scorer.Text(
                            computed.under(policies.get(i)), computed.length(), caches.get(i)));
        }
        caches = new Branches(texts, true, (policy, position, next) -> {}).run();
    }

    /**
     * Log likelihoods of each possible answer.
     *
     * @return by policy
     */
    List<double[]> ask(Question question) {
        Dialogue asked = question.asked();
        List<Scorer.Text> texts = new ArrayList<>();
        for (int i = 0; i < policies.size(); i++) {
            texts.add(
                    new Scorer.Text(
                            asked.under(policies.get(i)), asked.length() - 1, caches.get(i)));
        }
        List<double[]> likelihoods = new ArrayList<>();
        policies.forEach(policy -> likelihoods.add(new double[question.answers().size()]));
        List<StoredCache> begun =
                new Branches(
                                texts,
                                true,
                                (policy, position, next) -> {
                                    for (int i = 0; i < question.answers().size(); i++) {
                                        int first = question.answers().get(i)[0];
                                        likelihoods.get(policy)[i] = next.logProbability(first);
                                    }
                                })
                        .run();
        addFurtherTokens(question, begun, likelihoods);
        return likelihoods;
    }

    /** Of answers that are more than a token. */
    private void addFurtherTokens(
            Question question, List<StoredCache> begun, List<double[]> likelihoods) {
        List<Scorer.Text> texts = new ArrayList<>();
        List<int[]> places = new ArrayList<>();
        for (int policy = 0; policy < policies.size(); policy++) {
            for (int i = 0; i < question.answers().size(); i++) {
                int[] answer = question.answers().get(i);
                if (answer.length > 1) {
                    int[] given = Arrays.copyOf(answer, answer.length - 1);
                    Dialogue answered = question.asked().reply(given);
                    texts.add(
                            new Scorer.Text(
                                    answered.under(policies.get(policy)),
                                    question.asked().length(),
                                    begun.get(policy)));
                    places.add(new int[] {policy, i});
                }
            }
        }
        new Branches(
                        texts,
                        false,
                        (branch, position, next) -> {
                            int[] place = places.get(branch);
                            int[] answer = question.answers().get(place[1]);
                            int token = answer[position + 1 - question.asked().length()];
                            likelihoods.get(place[0])[place[1]] += next.logProbability(token);
                        })
                .run();
    }

    /** Takes what a branch predicts to follow a position. */
    @FunctionalInterface
    private interface PredictionConsumer {
        void accept(int branch, int position, Prediction next);
    }

    /** Texts that are computed side by side, as many at once as there is room for. */
    private final class Branches implements Scorer.Observer {
        private final List<Scorer.Text> texts;
        private final List<StoredCache> ended;
        private final boolean isStored;
        private final PredictionConsumer consumer;
        private int first;

        /**
         * @param isStored whether the caches are wanted when the texts have ended
         */
        Branches(List<Scorer.Text> texts, boolean isStored, PredictionConsumer consumer) {
            this.texts = texts;
            this.isStored = isStored;
            this.consumer = consumer;
            ended = new ArrayList<>(Collections.nCopies(texts.size(), null));
        }

        /** The caches at the end, if they are wanted. */
        List<StoredCache> run() {
            Scorer scorer = new Scorer(model);
            CacheLayout layout = model.cacheLayout();
            while (first < texts.size()) {
                int end = first;
                long bytes = 0;
                while (end < texts.size() && (end == first || bytes < MAX_POOL_BYTES)) {
                    int positions = texts.get(end).transcript().length();
                    bytes += layout.poolBytes(layout.pagesFor(positions));
                    end++;
                }
                scorer.score(texts.subList(first, end), this);
                first = end;
            }
            return ended;
        }

        @Override
        public void logits(int text, int position, float[] logits) {
            consumer.accept(first + text, position, new Prediction(logits));
        }

        @Override
        public void ended(int text, SessionCache cache, StoredCache start) {
            if (isStored) {
                ended.set(first + text, new StoredCache(cache, start));
            }
        }
    }
}
