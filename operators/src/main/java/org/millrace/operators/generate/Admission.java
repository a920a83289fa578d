// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate;
import org.millrace.engine.model.Tokenizer;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.RequestCheck;
import org.millrace.operators.state.SessionRecord;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.PromptRequest;

/**
 * Makes turns of requests, and refuses those that can never run with this model and pool.
 * Stateless.
 */
final class Admission {
    /** Most bytes of text that normalisation (NFC) makes one byte of: Hangul, 9 to 3. */
    private static final int NORMALISED_BYTES = 3;

    /**
     * A turn that fits, if not now then later.
     *
     * @param history the session's earlier turns
     * @param retention what its cache keeps of the turn
     * @param positions most that the session's cache may have to hold until the turn ends
     */
    record Turn(
            Transcript history,
            int[] prompt,
            GenerationParams params,
            Retention retention,
            int positions) {}

    private final Model model;
    private final Generator generator;
    private final String defaultRetention;

    /** More bytes than this are more tokens than the context has, whatever they say. */
    private final long maxPromptBytes;

    Admission(Model model, Generator generator, String defaultRetention) {
        this.model = model;
        this.generator = generator;
        this.defaultRetention = defaultRetention;
        this.maxPromptBytes =
                (long) NORMALISED_BYTES
                        * longestTokenBytes(model.tokenizer())
                        * model.spec().contextLength();
    }

    private static int longestTokenBytes(Tokenizer tokenizer) {
        return IntStream.range(0, tokenizer.vocabSize())
                .map(token -> tokenizer.bytes(token).length)
                .max()
                .orElse(1);
    }

    /**
     * The turn that a request asks for.
     *
     * @throws BadRequestException naming the limit that it exceeds
     */
    Turn admit(PromptRequest request, SessionRecord session) throws BadRequestException {
        GenerationParams params = RequestCheck.params(request);
        Transcript history = session.transcript();
        int contextLength = model.spec().contextLength();
        checkBytes(request, contextLength);
        int[] prompt = encode(request, history.tokens());
        if (prompt.length == 0) {
            throw new BadRequestException(
                    DeadLetterReason.EMPTY_PROMPT, "promptTokens=0, must be >= 1");
        }
        if (prompt.length >= contextLength) {
            throw new BadRequestException(
                    DeadLetterReason.PROMPT_TOO_LONG,
                    String.format(
                            "promptTokens=%d, must be below contextLength=%d",
                            prompt.length, contextLength));
        }
        if (history.length() + prompt.length >= contextLength) {
            throw new BadRequestException(
                    DeadLetterReason.SESSION_TOO_LONG,
                    String.format(
                            "sessionTokens=%d + promptTokens=%d, must be below contextLength=%d;"
                                    + " end the session and begin it anew",
                            history.length(), prompt.length, contextLength));
        }
        Retention retention = RequestCheck.retention(request, defaultRetention);
        int positions =
                Sequence.positionsNeeded(
                        history, prompt.length, params.maxTokens(), retention, contextLength);
        checkPool(positions);
        return new Turn(history, prompt, params, retention, positions);
    }

    /** So that no prompt is tokenised that cannot fit: of a long word it takes seconds. */
    private void checkBytes(PromptRequest request, int contextLength) throws BadRequestException {
        long bytes = utf8Bytes(request.getText());
        for (ChatMessage message : request.getMessages()) {
            bytes += utf8Bytes(message.getContent());
        }
        if (bytes > maxPromptBytes) {
            throw new BadRequestException(
                    DeadLetterReason.PROMPT_TOO_LONG,
                    String.format(
                            "promptBytes=%d, must be at most %d for contextLength=%d",
                            bytes, maxPromptBytes, contextLength));
        }
    }

    private static long utf8Bytes(String text) {
        return text == null ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
    }

    private int[] encode(PromptRequest request, int[] history) throws BadRequestException {
        try {
            return request.getText() != null
                    ? encodeText(request.getText(), history)
                    : encodeChat(request, history);
        } catch (RuntimeException e) {
            throw new BadRequestException(
                    DeadLetterReason.FAILED,
                    "the model's chat template refuses it: " + e.getMessage());
        }
    }

    private int[] encodeText(String text, int[] history) {
        Tokenizer tokenizer = model.tokenizer();
        int[] tokens = tokenizer.encode(text, false);
        if (history.length > 0 || tokenizer.beginOfSequence() < 0) {
            return tokens;
        }
        int[] withBegin = new int[tokens.length + 1];
        withBegin[0] = tokenizer.beginOfSequence();
        System.arraycopy(tokens, 0, withBegin, 1, tokens.length);
        return withBegin;
    }

    private int[] encodeChat(PromptRequest request, int[] history) {
        List<ChatTemplate.Message> messages =
                request.getMessages().stream()
                        .map(m -> new ChatTemplate.Message(m.getRole(), m.getContent()))
                        .toList();
        if (history.length == 0) {
            return model.chatTemplate().encodeFirstTurn(messages);
        }
        boolean ended = model.tokenizer().endOfSequence().contains(history[history.length - 1]);
        return model.chatTemplate().encodeNextTurn(messages, ended);
    }

    private void checkPool(int positions) throws BadRequestException {
        if (positions > generator.maxSessionTokens()) {
            throw new BadRequestException(
                    DeadLetterReason.POOL_TOO_SMALL, describeShortage(positions));
        }
    }

    /** Why a session of so many positions does not fit, and what to do. */
    String describeShortage(int positions) {
        long neededBytes = model.cacheLayout().poolBytes(model.cacheLayout().pagesFor(positions));
        return String.format(
                "neededBytes=%d for %d tokens, poolBytes=%d; ask for fewer maxTokens, or give the subtask more"
                        + " managed memory (taskmanager.memory.managed.size)",
                neededBytes, positions, generator.poolBytes());
    }
}
