// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;

/**
 * A session's turns, made up from a seed: the first prompt is long enough for several chunks, later
 * ones are short; some turns are greedy, some sampled.
 *
 * @param atOnce whether all turns are published together, or each when the one before is answered
 */
record Conversation(List<PromptRequest> turns, boolean atOnce) {
    private static final String[] WORDS = {
        "river", "mountain", "the", "a", "small", "house", "with", "green", "door", "and", "cat",
        "that", "sleeps", "under", "old", "tree", "when", "rain", "falls", "on", "roof", "people",
        "walk", "slowly", "to", "market", "where", "bread", "is", "still", "warm", "Tom", "said",
        "nothing", "because", "he", "had", "seen", "light", "of", "another", "day"
    };

    /**
     * @param contextLength of the model, in tokens
     */
    static Conversation of(long seed, int number, int contextLength) {
        Random random = new Random(seed * 1_000_003 + number);
        int budget = Math.min(contextLength, 1024);
        int count = 2 + random.nextInt(2);
        List<PromptRequest> turns = new ArrayList<>();
        for (int turn = 0; turn < count; turn++) {
            int words = turn == 0 ? budget / 32 : budget / 64;
            turns.add(
                    PromptRequest.newBuilder()
                            .setSessionId("session-" + number)
                            .setRequestId("turn-" + turn)
                            .setText(text(random, words + random.nextInt(words)))
                            .setSampling(sampling(random))
                            .setLimits(
                                    GenerationLimits.newBuilder()
                                            .setMaxTokens(budget / 24 + random.nextInt(budget / 24))
                                            .setIgnoreEos(true)
                                            .build())
                            .build());
        }
        return new Conversation(turns, random.nextInt(3) > 0);
    }

    /** Ends a session: what is over should not fill the disk. */
    static PromptRequest end(String session) {
        return PromptRequest.newBuilder()
                .setKind(RequestKind.END_SESSION)
                .setSessionId(session)
                .build();
    }

    private static SamplingParams sampling(Random random) {
        SamplingParams.Builder sampling =
                SamplingParams.newBuilder().setLogprobs(random.nextBoolean());
        if (random.nextBoolean()) {
            sampling.setTemperature(0.8f).setTopP(0.95f).setSeed(random.nextLong());
        }
        return sampling.build();
    }

    private static String text(Random random, int words) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < words; i++) {
            text.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
        }
        return text.toString();
    }
}
