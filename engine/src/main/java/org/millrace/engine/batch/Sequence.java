package org.millrace.engine.batch;

import java.util.Arrays;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.model.StreamDecoder;
import org.millrace.engine.model.Tokenizer;

/**
 * One turn of a session in the batch: the session's tokens, how many of them the cache holds, and
 * what was generated.
 *
 * <pre>
 *   tokens:  [ earlier turns ... | prompt of this turn ... | generated ... ]
 *            0                    turnStart                 promptEnd       length
 *            [ ---- in the cache ---- )cache.length()
 * </pre>
 *
 * Whatever is not in the cache yet is computed next; when the last token has been, the next one is
 * sampled. Owned by the thread of its {@link Generator}.
 */
public final class Sequence {
    private final SessionCache cache;
    private final GenerationParams params;
    private final Object attachment;
    private final int turnStart;
    private final int promptEnd;
    private final int reusedTokens;
    private final StringBuilder text = new StringBuilder();
    private final StopStringMatcher stopStrings;
    private int[] tokens;
    private int length;
    private float[] logprobs;
    private StreamDecoder decoder;
    private FinishReason finishReason;

    /**
     * A new turn.
     *
     * @param cache the session's cache; {@code cache.length()} positions of {@code history} are in
     *     it
     * @param history all tokens of earlier turns, generated ones included
     * @param prompt tokens of this turn, at least one together with the part of history that is not
     *     cached
     * @param attachment the caller's own, returned by {@link #attachment()}
     */
    public Sequence(
            SessionCache cache,
            int[] history,
            int[] prompt,
            GenerationParams params,
            Object attachment) {
        this(
                cache,
                new SavedSequence(
                        concat(history, prompt),
                        history.length,
                        history.length + prompt.length,
                        cache.length(),
                        params,
                        new float[0]),
                attachment);
        if (length == cache.length()) {
            throw new IllegalArgumentException("empty prompt: promptTokens=0, must be >= 1");
        }
    }

    private Sequence(SessionCache cache, SavedSequence saved, Object attachment) {
        this.cache = cache;
        this.params = saved.params();
        this.attachment = attachment;
        this.turnStart = saved.turnStart();
        this.promptEnd = saved.promptEnd();
        this.reusedTokens = saved.reusedTokens();
        this.tokens = saved.tokens();
        this.length = saved.tokens().length;
        this.logprobs = saved.logprobs();
        this.stopStrings = new StopStringMatcher(params.stopStrings());
    }

    private static int[] concat(int[] first, int[] second) {
        int[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** This turn without its cache, as bytes (format version inside). Save the cache beside it. */
    public byte[] save() {
        return new SavedSequence(tokens(), turnStart, promptEnd, reusedTokens, params, logprobs())
                .encode();
    }

    /**
     * The turn that {@link #save} wrote, to go on at its exact next token. If {@code cache} is
     * empty (refused or corrupt), everything is computed again from the token ids.
     *
     * @throws IllegalArgumentException if the format is unknown
     */
    public static Sequence restore(byte[] saved, SessionCache cache, Object attachment) {
        return new Sequence(cache, SavedSequence.decode(saved), attachment);
    }

    /**
     * Called once when the sequence joins the batch: text of tokens generated before a restore is
     * made again.
     */
    void start(Tokenizer tokenizer) {
        decoder = tokenizer.newStreamDecoder();
        for (int i = promptEnd; i < length; i++) {
            decode(tokens[i]);
        }
    }

    /** Takes a sampled token; returns the text that became certain with it. */
    String append(int token, float logprob, boolean endsSequence, int contextLength) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * length);
        }
        tokens[length++] = token;
        int index = length - promptEnd - 1;
        if (params.logprobs()) {
            if (index == logprobs.length) {
                logprobs = Arrays.copyOf(logprobs, Math.max(16, 2 * index));
            }
            logprobs[index] = logprob;
        }
        String delta = decode(token);
        if (endsSequence && !params.ignoreEos()) {
            finishReason = FinishReason.STOP;
        } else if (stopStrings.matched()) {
            finishReason = FinishReason.STOP_STRING;
        } else if (index + 1 >= params.maxTokens()) {
            finishReason = FinishReason.LENGTH;
        } else if (length >= contextLength) {
            finishReason = FinishReason.CONTEXT;
        }
        return finishReason == null ? delta : delta + flush();
    }

    private String decode(int token) {
        String delta = stopStrings.append(decoder.append(token));
        text.append(delta);
        return delta;
    }

    private String flush() {
        if (stopStrings.matched()) {
            return "";
        }
        String rest = stopStrings.append(decoder.flush()) + stopStrings.flush();
        text.append(rest);
        return rest;
    }

    void finish(FinishReason reason) {
        finishReason = reason;
        if (decoder != null) {
            flush();
        }
    }

    public SessionCache cache() {
        return cache;
    }

    public GenerationParams params() {
        return params;
    }

    public Object attachment() {
        return attachment;
    }

    /** All tokens of the session: history, prompt, generated. A copy. */
    public int[] tokens() {
        return Arrays.copyOf(tokens, length);
    }

    int token(int position) {
        return tokens[position];
    }

    /** Tokens of the session, which is the position of the next one. */
    public int length() {
        return length;
    }

    /** Tokens generated in this turn, an end-of-sequence token included. A copy. */
    public int[] generated() {
        return Arrays.copyOfRange(tokens, promptEnd, length);
    }

    /** Log probabilities of {@link #generated()}; empty if not asked for. A copy. */
    public float[] logprobs() {
        return params.logprobs() ? Arrays.copyOf(logprobs, length - promptEnd) : new float[0];
    }

    /** Text generated so far, without a stop string. */
    public String text() {
        return text.toString();
    }

    /** Tokens of this turn's prompt. */
    public int promptTokens() {
        return promptEnd - turnStart;
    }

    /** Position of the first generated token. */
    public int promptEnd() {
        return promptEnd;
    }

    /**
     * Positions of earlier turns that were in the cache when the turn began, and so were not
     * computed again.
     */
    public int reusedTokens() {
        return reusedTokens;
    }

    /** First position of the next step's work, which is {@code cache().length()}. */
    public int nextPosition() {
        return cache.length();
    }

    /** Positions that are not in the cache yet. */
    int pendingTokens() {
        return length - cache.length();
    }

    /**
     * Whether more than the newest token is still to be computed, or no token was generated yet.
     */
    public boolean isPrefilling() {
        return pendingTokens() > 1 || length == promptEnd;
    }

    /** Why the turn ended; null while it runs. */
    public FinishReason finishReason() {
        return finishReason;
    }

    /**
     * Most positions the session can have when this turn ends, in a model of this context length.
     */
    public int maxTotalTokens(int contextLength) {
        return (int) Math.min((long) promptEnd + params.maxTokens(), contextLength);
    }
}
