package org.millrace.operators.state;

import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.PageSink;
import org.millrace.engine.kvcache.PageSource;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.operators.PromptEnvelope;
import org.millrace.operators.types.PromptEnvelopeSerializer;

/**
 * The one owner of Flink state. Every method but {@link #sessionsWithWork} is about the session of
 * the last {@link #select}. Runs on the task's mailbox thread.
 *
 * <pre>
 *   work         ValueState            unanswered requests; present only while there are some
 *   requests     MapState by number    those requests
 *   turn         ValueState            the running turn as of the last snapshot
 *   session      ValueState            tokens, answered request ids, model
 *   answers      MapState by id        completions of the answered requests
 *   last-prompt  ValueState            the newest prompt, where sessions age
 *   cache-header  ValueState           page tables
 *   cache-tails   ValueState           pages that are not full; in a running turn, which entries of pages hold them
 *   cache-scores  ValueState           scores of a compressed turn's slots; absent without
 *   cache-profile ValueState           statistics of an unfinished prompt; absent without
 *   pages        MapState by page id   full pages; write-once, read by key, never iterated
 *   tails        MapState by entry id  slots of a running turn's unfinished pages; ids are negative
 * </pre>
 *
 * Pages are stored as they fill, between snapshots, so that a snapshot seldom touches their map
 * (only in a prompt that is to be compressed): the heap backend copies a session's map whole when
 * it is first touched after a snapshot.
 */
public final class SessionStateManager {
    private static final String WORK = "work";

    private final KeyedStateBackend<String> backend;
    private final ValueState<SessionWork> work;
    private final MapState<Long, PromptEnvelope> requests;
    private final ValueState<RunningTurn> turn;
    private final ValueState<SessionRecord> session;
    private final MapState<String, ImmutableBytes> answers;
    private final ValueState<LastPrompt> lastPrompt;
    private final ValueState<ImmutableBytes> cacheHeader;
    private final ValueState<ImmutableBytes> cacheTails;
    private final ValueState<ImmutableBytes> cacheScores;
    private final ValueState<ImmutableBytes> cacheProfile;
    private final MapState<Long, ImmutableBytes> pages;
    private final MapState<Long, ImmutableBytes> tails;

    public SessionStateManager(KeyedStateBackend<String> backend, KeyedStateStore store) {
        this.backend = backend;
        work = store.getState(new ValueStateDescriptor<>(WORK, SessionWorkSerializer.INSTANCE));
        requests =
                store.getMapState(
                        new MapStateDescriptor<>(
                                "requests",
                                LongSerializer.INSTANCE,
                                PromptEnvelopeSerializer.INSTANCE));
        turn = store.getState(new ValueStateDescriptor<>("turn", RunningTurnSerializer.INSTANCE));
        session =
                store.getState(
                        new ValueStateDescriptor<>("session", SessionRecordSerializer.INSTANCE));
        answers =
                store.getMapState(
                        new MapStateDescriptor<>(
                                "answers",
                                StringSerializer.INSTANCE,
                                ImmutableBytesSerializer.INSTANCE));
        lastPrompt =
                store.getState(
                        new ValueStateDescriptor<>("last-prompt", LastPromptSerializer.INSTANCE));
        cacheHeader = store.getState(bytes("cache-header"));
        cacheTails = store.getState(bytes("cache-tails"));
        cacheScores = store.getState(bytes("cache-scores"));
        cacheProfile = store.getState(bytes("cache-profile"));
        pages = store.getMapState(bytesById("pages"));
        tails = store.getMapState(bytesById("tails"));
    }

    private static ValueStateDescriptor<ImmutableBytes> bytes(String name) {
        return new ValueStateDescriptor<>(name, ImmutableBytesSerializer.INSTANCE);
    }

    private static MapStateDescriptor<Long, ImmutableBytes> bytesById(String name) {
        return new MapStateDescriptor<>(
                name, LongSerializer.INSTANCE, ImmutableBytesSerializer.INSTANCE);
    }

    /**
     * Sessions of this subtask's key groups that have unanswered requests: a copy, state may be
     * changed meanwhile.
     */
    public List<String> sessionsWithWork() {
        try (Stream<String> keys = backend.getKeys(WORK, VoidNamespace.INSTANCE)) {
            return keys.toList();
        }
    }

    /** Makes {@code sessionId} the session that the other methods are about. */
    public void select(String sessionId) {
        backend.setCurrentKey(sessionId);
    }

    public SessionWork work() throws Exception {
        SessionWork value = work.value();
        return value == null ? SessionWork.NONE : value;
    }

    /** Stores the index of unanswered requests, or removes it if it is empty. */
    public void setWork(SessionWork value) throws Exception {
        if (value.isEmpty()) {
            work.clear();
        } else {
            work.update(value);
        }
    }

    public PromptEnvelope request(SessionWork.Entry entry) throws Exception {
        return requests.get(entry.number());
    }

    public void putRequest(long number, PromptEnvelope envelope) throws Exception {
        requests.put(number, envelope);
    }

    public void removeRequest(SessionWork.Entry entry) throws Exception {
        requests.remove(entry.number());
    }

    /** The running turn as of the last snapshot; null if none ran then. */
    public RunningTurn turn() throws Exception {
        return turn.value();
    }

    public void setTurn(RunningTurn value) throws Exception {
        turn.update(value);
    }

    public void clearTurn() {
        turn.clear();
    }

    public SessionRecord session() throws Exception {
        SessionRecord value = session.value();
        return value == null ? SessionRecord.EMPTY : value;
    }

    public void setSession(SessionRecord value) throws Exception {
        session.update(value);
    }

    /** The newest prompt; null if there was none. */
    public LastPrompt lastPrompt() throws Exception {
        return lastPrompt.value();
    }

    public void setLastPrompt(LastPrompt value) throws Exception {
        lastPrompt.update(value);
    }

    /** The encoded completion of an answered request; null if it is not remembered. */
    public byte[] answer(String requestId) throws Exception {
        ImmutableBytes value = answers.get(requestId);
        return value == null ? null : value.array();
    }

    /** Remembers an encoded completion and forgets the oldest ones above {@code most}. */
    public void remember(String requestId, byte[] completion, int most) throws Exception {
        if (most == 0) {
            return;
        }
        SessionRecord record = session().withAnswered(requestId);
        answers.put(requestId, new ImmutableBytes(completion));
        while (record.answeredRequests().size() > most) {
            answers.remove(record.answeredRequests().get(0));
            record = record.withoutOldestAnswered();
        }
        session.update(record);
    }

    /** The stored cache's page tables; null if no cache is stored. */
    public byte[] cacheHeader() throws Exception {
        return array(cacheHeader.value());
    }

    /** Compactions that the stored cache went through; 0 if it cannot be used. */
    public int compactions() throws Exception {
        byte[] header = cacheHeader();
        try {
            return header == null ? 0 : SavedCache.compactions(header);
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            return 0;
        }
    }

    /** The stored cache but for its pages; null if no cache is stored. */
    public SavedCache cache() throws Exception {
        byte[] header = cacheHeader();
        return header == null
                ? null
                : new SavedCache(
                        header,
                        array(cacheTails.value()),
                        arrayOrEmpty(cacheScores),
                        arrayOrEmpty(cacheProfile));
    }

    private static byte[] arrayOrEmpty(ValueState<ImmutableBytes> state) throws Exception {
        ImmutableBytes value = state.value();
        return value == null ? new byte[0] : value.array();
    }

    private static void updateOrClear(ValueState<ImmutableBytes> state, byte[] value)
            throws Exception {
        if (value.length == 0) {
            state.clear();
        } else {
            state.update(new ImmutableBytes(value));
        }
    }

    private static byte[] array(ImmutableBytes value) {
        return value == null ? null : value.array();
    }

    /** Stores a cache at the end of a turn. */
    public void storeCache(SessionCache cache) throws Exception {
        cache.writeFullPages(pageSink());
        cache.deleteSaved(pageSink());
        store(cache.save());
    }

    /** Stores what is new of a cache whose turn runs on. */
    public void storeRunning(SessionCache cache) throws Exception {
        cache.writeFullPages(pageSink());
        store(cache.saveNew(pageSink()));
    }

    private void store(SavedCache saved) throws Exception {
        cacheHeader.update(new ImmutableBytes(saved.header()));
        cacheTails.update(new ImmutableBytes(saved.tails()));
        updateOrClear(cacheScores, saved.scores());
        updateOrClear(cacheProfile, saved.profile());
    }

    /** Stores and deletes pages. The session must stay selected while it is used. */
    public PageSink pageSink() {
        return new PageSink() {
            @Override
            public void write(long pageId, byte[] page) {
                try {
                    (isTail(pageId) ? tails : pages).put(pageId, new ImmutableBytes(page));
                } catch (Exception e) {
                    throw new IllegalStateException("cannot store cache page: pageId=" + pageId, e);
                }
            }

            @Override
            public void delete(long pageId) {
                try {
                    remove(pageId);
                } catch (Exception e) {
                    throw new IllegalStateException(
                            "cannot delete cache page: pageId=" + pageId, e);
                }
            }
        };
    }

    private static boolean isTail(long pageId) {
        return pageId < 0;
    }

    private void remove(long pageId) throws Exception {
        if (isTail(pageId) && tails.contains(pageId)) {
            tails.remove(pageId);
        } else {
            // Tails are here, too, in state of format 2.
            pages.remove(pageId);
        }
    }

    /** Reads stored pages. The session must stay selected while it is used. */
    public PageSource pageSource() {
        return pageId -> {
            try {
                ImmutableBytes tail = isTail(pageId) ? tails.get(pageId) : null;
                return array(tail == null ? pages.get(pageId) : tail);
            } catch (Exception e) {
                throw new IllegalStateException("cannot read cache page: pageId=" + pageId, e);
            }
        };
    }

    /** Deletes the stored cache. */
    public void forgetCache() throws Exception {
        byte[] header = cacheHeader();
        if (header != null) {
            removePages(header, array(cacheTails.value()));
        }
        cacheHeader.clear();
        cacheTails.clear();
        cacheScores.clear();
        cacheProfile.clear();
    }

    private void removePages(byte[] header, byte[] savedTails) throws Exception {
        long[] pageIds;
        long[] tailIds;
        try {
            pageIds = SavedCache.fullPageIds(header);
            tailIds = SavedCache.tailIds(savedTails);
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            // Only these two know the ids; without them RocksDB has to look for them.
            pages.clear();
            tails.clear();
            return;
        }
        for (long pageId : pageIds) {
            pages.remove(pageId);
        }
        for (long tailId : tailIds) {
            remove(tailId);
        }
    }

    /**
     * Deletes what is known of the session, but neither its unanswered requests nor its newest
     * prompt.
     */
    public void forgetSession() throws Exception {
        forgetCache();
        for (String requestId : session().answeredRequests()) {
            answers.remove(requestId);
        }
        session.clear();
        turn.clear();
    }

    /** Deletes the newest prompt. */
    public void forgetLastPrompt() {
        lastPrompt.clear();
    }
}
