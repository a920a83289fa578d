// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
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
 * Whatever is not in the cache yet is computed next, in the order of its {@link TurnSchedule}; when
 * the last token has been, the next one is sampled. Owned by the thread of its {@link Generator}.
 */
public final class Sequence {
    private final SessionCache cache;
    private final GenerationParams params;
    private final Object attachment;
    private final int turnStart;
    private final int promptEnd;
    private final int reusedTokens;
    private final List<SessionTurn> turns;
    private final TurnSchedule schedule;
    private final StringBuilder text = new StringBuilder();
    private final StopStringMatcher stopStrings;
    private int[] tokens;
    private int length;
    private float[] logprobs;
    private StreamDecoder decoder;
    private FinishReason finishReason;
    private Replay replay;

    /**
     * A new turn.
     *
     * @param cache the session's cache; {@code cache.length()} positions of {@code history} are in
     *     it
     * @param history earlier turns
     * @param prompt tokens of this turn, at least one together with the part of history that is not
     *     cached
     * @param retention what the cache is to keep of the turn
     * @param attachment the caller's own, returned by {@link #attachment()}
     */
    public Sequence(
            SessionCache cache,
            Transcript history,
            int[] prompt,
            GenerationParams params,
            Retention retention,
            Object attachment) {
        this(
                cache,
                new SavedSequence(
                        concat(history.tokens(), prompt),
                        cache.length(),
                        params,
                        new float[0],
                        withTurn(
                                history.turns(),
                                SessionTurn.of(
                                        history.length(),
                                        history.length() + prompt.length,
                                        retention))),
                RetentionPolicies::lookup,
                attachment);
        if (length == cache.length()) {
            throw new IllegalArgumentException("empty prompt: promptTokens=0, must be >= 1");
        }
    }

    private static List<SessionTurn> withTurn(List<SessionTurn> turns, SessionTurn next) {
        List<SessionTurn> all = new ArrayList<>(turns);
        all.add(next);
        return all;
    }

    private Sequence(
            SessionCache cache,
            SavedSequence saved,
            Function<Retention, RetentionPolicy> policies,
            Object attachment) {
        this.cache = cache;
        this.turns = saved.turns();
        this.schedule = new TurnSchedule(turns, policies);
        this.params = saved.params();
        this.attachment = attachment;
        this.turnStart = saved.turn().start();
        this.promptEnd = saved.turn().promptEnd();
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
        return new SavedSequence(tokens(), reusedTokens, params, logprobs(), turns).encode();
    }

    /**
     * The turn that {@link #save} wrote, to go on at its exact next token. If {@code cache} is
     * empty (refused or corrupt), everything is computed again from the token ids.
     *
     * @throws IllegalArgumentException if the format is unknown
     */
    public static Sequence restore(byte[] saved, SessionCache cache, Object attachment) {
        return new Sequence(
                cache, SavedSequence.decode(saved), RetentionPolicies::lookup, attachment);
    }

    /** The tokens, prompt included, in what {@link #save} wrote. */
    public static int[] savedTokens(byte[] saved) {
        return SavedSequence.decode(saved).tokens();
    }

    /**
     * A rest: the session's cache is compressed and the sequence is finished, {@link
     * FinishReason#RESTED}.
     *
     * @param rested {@link Transcript#withRest}
     */
    public static Sequence rest(SessionCache cache, Transcript rested, Object attachment) {
        SavedSequence saved =
                new SavedSequence(
                        rested.tokens(),
                        cache.length(),
                        GenerationParams.greedy(1),
                        new float[0],
                        rested.turns());
        return new Sequence(cache, saved, RetentionPolicies::lookup, attachment);
    }

    /**
     * A sequence whose tokens are all known, to compute its cache as if they had been generated.
     *
     * @param cache an empty one
     */
    static Sequence known(
            SessionCache cache,
            Transcript transcript,
            Function<Retention, RetentionPolicy> policies) {
        SavedSequence saved =
                new SavedSequence(
                        transcript.tokens(),
                        0,
                        GenerationParams.greedy(1),
                        new float[0],
                        transcript.turns());
        return new Sequence(cache, saved, policies, null);
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
        if (!isEarlierPromptMeasured()) {
            cache.endProfile();
        }
        replay = null;
        cache.endReplay();
        if (decoder != null) {
            flush();
        }
    }

    /** Whether what is measured is the prompt of an earlier turn, which is computed again. */
    private boolean isEarlierPromptMeasured() {
        TurnSchedule.Compressed due = schedule.due(cache);
        return replay == null && due != null && !due.turn().equals(turns.get(turns.size() - 1));
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

    /** Tokens of positions in {@code [from, to)}. */
    int[] tokens(int from, int to) {
        return Arrays.copyOfRange(tokens, from, to);
    }

    /** The session with this turn, for the session's next one. */
    public Transcript transcript() {
        return transcript(cache.compactions().size());
    }

    /**
     * As {@link #transcript()}, of a turn whose cache is stored and went through {@code
     * compactions} in all. A prompt that was not compressed, because the turn ended too early, will
     * not be.
     */
    public Transcript transcript(int compactions) {
        List<SessionTurn> taken = new ArrayList<>(turns);
        if (schedule.isPending(compactions)) {
            taken.set(taken.size() - 1, taken.get(taken.size() - 1).uncompressed());
        }
        return new Transcript(tokens(), taken);
    }

    /** The turn's retention. */
    public Retention retention() {
        return turns.get(turns.size() - 1).retention();
    }

    TurnSchedule schedule() {
        return schedule;
    }

    /** The replay that is running; null if none is. */
    Replay replay() {
        return replay;
    }

    void startReplay(Replay started) {
        replay = started;
    }

    void endReplay() {
        replay = null;
    }

    /** Token of row {@code row} of the next step. */
    int rowToken(int row) {
        return replay == null
                ? tokens[cache.length() + row]
                : replay.part()[cache.nextPosition() - cache.length() + row];
    }

    /** Most rows of the next step. */
    int nextRows() {
        return replay == null
                ? schedule.rows(cache, length)
                : replay.part().length - (cache.nextPosition() - cache.length());
    }

    /** Whether the next {@code rows} rows end with the newest token, to be followed by another. */
    boolean isEndedBy(int rows) {
        return replay == null && pendingTokens() == rows && !isRest();
    }

    /** Whether the part of the cache that is being computed will be compressed. */
    public boolean isCompactionAhead() {
        return schedule.due(cache) != null;
    }

    /**
     * Whether tokens generated before are computed again, and slots are scored and reviewed
     * meanwhile.
     */
    public boolean isReviewAhead() {
        return pendingTokens() > 1 && schedule.isReviewing(cache);
    }

    /** Whether this only compresses a session that nobody waits for. */
    boolean isRest() {
        return turns.get(turns.size() - 1).isRest();
    }

    /** Whether the next step computes the newest token and nothing else. */
    boolean isDecoding() {
        return replay == null && pendingTokens() == 1 && !isRest();
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

    /** Rows until this decodes, or until its replay goes on with another part. */
    int remainingTokens() {
        return replay == null ? pendingTokens() : nextRows();
    }

    /** Positions that are not in the cache yet. */
    private int pendingTokens() {
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
     * Most positions that the session's cache may have to hold until this turn ends, in a model of
     * this context length; those of replays, which may lie behind the context, included.
     */
    public int positionsNeeded(int contextLength) {
        return positionsNeeded(turns, params.maxTokens(), contextLength);
    }

    private static int positionsNeeded(List<SessionTurn> turns, int maxTokens, int contextLength) {
        long lastPromptEnd = turns.get(turns.size() - 1).promptEnd();
        int needed = (int) Math.min(lastPromptEnd + maxTokens, contextLength);
        for (SessionTurn turn : turns) {
            if (RetentionPolicies.lookup(turn.retention()).replaysPrompt()) {
                needed = Math.max(needed, turn.promptEnd() + Replay.MAX_ROWS);
            }
        }
        return needed;
    }

    /** {@link #positionsNeeded(int)} of a rest that is yet to begin. */
    public static int positionsNeeded(Transcript rested, int contextLength) {
        return positionsNeeded(rested.turns(), 1, contextLength);
    }

    /** {@link #positionsNeeded(int)} of a turn of {@code promptTokens} that is yet to begin. */
    public static int positionsNeeded(
            Transcript history,
            int promptTokens,
            int maxTokens,
            Retention retention,
            int contextLength) {
        SessionTurn next =
                SessionTurn.of(history.length(), history.length() + promptTokens, retention);
        return positionsNeeded(withTurn(history.turns(), next), maxTokens, contextLength);
    }

    /** Most rows of a replay that this turn, or the computing of earlier ones again, has to run. */
    int replayRows() {
        return schedule.replayRows(cache);
    }
}
