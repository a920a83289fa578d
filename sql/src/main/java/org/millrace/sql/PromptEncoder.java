// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.model.ChatTemplate;
import org.millrace.engine.model.Tokenizer;

/** Makes tokens of prompts, and refuses those that can never run. Thread safe. */
final class PromptEncoder {
    private final SharedEngine engine;
    private final ModelSettings settings;

    PromptEncoder(SharedEngine engine, ModelSettings settings) {
        this.engine = engine;
        this.settings = settings;
    }

    /**
     * The tokens of a row's prompt.
     *
     * @throws RefusedRowException naming the limit that it exceeds
     */
    int[] encode(String prompt, Optional<String> system) throws RefusedRowException {
        if (prompt.isEmpty()) {
            throw new RefusedRowException("empty_prompt", "promptCharacters=0, must be >= 1");
        }
        int[] tokens = settings.chat() ? chat(prompt, system) : text(prompt);
        int contextLength = engine.model().spec().contextLength();
        if (tokens.length >= contextLength) {
            throw new RefusedRowException(
                    "prompt_too_long",
                    String.format(
                            "promptTokens=%d, must be below contextLength=%d",
                            tokens.length, contextLength));
        }
        int positions =
                Sequence.positionsNeeded(
                        Transcript.EMPTY,
                        tokens.length,
                        settings.params().maxTokens(),
                        settings.retention(),
                        contextLength);
        if (positions > engine.maxRowTokens()) {
            throw new RefusedRowException(
                    "pool_too_small",
                    String.format(
                            "promptTokens=%d and max-tokens=%d need up to %d tokens in the page pool, which holds %d;"
                                    + " raise pool-memory, or lower max-tokens",
                            tokens.length,
                            settings.params().maxTokens(),
                            positions,
                            engine.maxRowTokens()));
        }
        return tokens;
    }

    private int[] chat(String prompt, Optional<String> system) throws RefusedRowException {
        List<ChatTemplate.Message> messages = new ArrayList<>();
        system.or(settings::systemPrompt)
                .ifPresent(text -> messages.add(new ChatTemplate.Message("system", text)));
        messages.add(new ChatTemplate.Message("user", prompt));
        try {
            return engine.model().chatTemplate().encodeFirstTurn(messages);
        } catch (RuntimeException e) {
            throw new RefusedRowException(
                    "failed", "the model's chat template refuses it: " + e.getMessage());
        }
    }

    private int[] text(String prompt) {
        Tokenizer tokenizer = engine.model().tokenizer();
        IntStream tokens = IntStream.of(tokenizer.encode(prompt, false));
        return tokenizer.beginOfSequence() < 0
                ? tokens.toArray()
                : IntStream.concat(IntStream.of(tokenizer.beginOfSequence()), tokens).toArray();
    }
}
