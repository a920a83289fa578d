// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/**
 * Sessions of one turn each, all asked for at once: a text of 64 common words, which is about as
 * many tokens, and then greedy generation past end-of-sequence tokens. The same requests each time.
 *
 * @param name begins the ids of its sessions
 * @param generatedTokens of each session
 */
record TextWorkload(String name, int sessions, int generatedTokens) {
    /** Words of each prompt. */
    static final int PROMPT_WORDS = 64;

    private static final int GENERATED_TOKENS = 128;
    private static final long SEED = 42;
    private static final String[] WORDS =
            ("time year people way day man thing woman life child world school state family student group country problem"
                            + " hand part place case week company system program question work night point home water room"
                            + " mother area money story fact month lot right study book eye job word business issue side kind"
                            + " head house service friend father power hour game line end member law car city name team minute"
                            + " idea body back parent face level office door health person art war history party result")
                    .split(" ");

    /**
     * What the job is asked before it is measured, and the bare engine too, so that the JVM has
     * compiled most of both: a job's compilers are busy for a minute.
     */
    static TextWorkload warmUp() {
        return new TextWorkload("warm-up", 256, GENERATED_TOKENS);
    }

    static TextWorkload measured(int sessions) {
        return new TextWorkload("measured", sessions, GENERATED_TOKENS);
    }

    List<PromptRequest> requests() {
        Random random = new Random(SEED);
        List<PromptRequest> requests = new ArrayList<>();
        for (int i = 0; i < sessions; i++) {
            requests.add(
                    PromptRequest.newBuilder()
                            .setSessionId(name + "-" + i)
                            .setRequestId("turn")
                            .setText(text(PROMPT_WORDS, random))
                            .setLimits(
                                    GenerationLimits.newBuilder()
                                            .setMaxTokens(generatedTokens)
                                            .setIgnoreEos(true)
                                            .build())
                            .build());
        }
        return requests;
    }

    /** Common words, the same for the same seed. */
    static String text(int words, long seed) {
        return text(words, new Random(seed));
    }

    private static String text(int words, Random random) {
        return IntStream.range(0, words)
                .mapToObj(i -> WORDS[random.nextInt(WORDS.length)])
                .collect(Collectors.joining(" "));
    }
}
