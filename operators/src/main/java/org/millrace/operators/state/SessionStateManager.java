// SPDX-License-Identifier: Apache-2.0
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
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.SlotSink;
import org.millrace.engine.kvcache.SlotSource;
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
 *   cache-header  ValueState          page tables, ids of the slots' entries
 *   cache-scores  ValueState          scores of a compressed turn's slots; absent without
 *   cache-profile ValueState          statistics of an unfinished prompt; absent without
 *   slots        MapState by entry id  the cache's slots; write-once, read by key, never iterated
 *   cache-tails, pages, tails         of formats 1 to 3: read, and deleted when the session goes on
 * </pre>
 *
 * Slots are stored as a cache grows, between snapshots too, so that a snapshot has little to write.
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
    private final MapState<Long, ImmutableBytes> slots;
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
        slots = store.getMapState(bytesById("slots"));
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

    /** The stored cache but for its slots; null if no cache is stored. */
    public SavedCache cache() throws Exception {
        byte[] header = cacheHeader();
        return header == null
                ? null
                : new SavedCache(
                        header,
                        arrayOrEmpty(cacheTails),
                        arrayOrEmpty(cacheScores),
                        arrayOrEmpty(cacheProfile));
    }

    private static byte[] arrayOrEmpty(ValueState<ImmutableBytes> state) throws Exception {
        ImmutableBytes value = state.value();
        return value == null ? new byte[0] : value.array();
    }

    /** Clears only what is there: RocksDB writes each deletion to a file. */
    private static void updateOrClear(ValueState<ImmutableBytes> state, byte[] value)
            throws Exception {
        if (value.length > 0) {
            state.update(new ImmutableBytes(value));
        } else if (state.value() != null) {
            state.clear();
        }
    }

    private static byte[] array(ImmutableBytes value) {
        return value == null ? null : value.array();
    }

    /** Stores what is new of a cache. */
    public void storeCache(SessionCache cache) throws Exception {
        SavedCache saved = cache.save(slotSink());
        cacheHeader.update(new ImmutableBytes(saved.header()));
        updateOrClear(cacheScores, saved.scores());
        updateOrClear(cacheProfile, saved.profile());
    }

    /** Stores a cache in the place of one of an older format, from which it was restored. */
    public void replaceCache(SessionCache cache) throws Exception {
        forgetCache();
        storeCache(cache);
    }

    /** Stores and deletes slots. The session must stay selected while it is used. */
    public SlotSink slotSink() {
        return new SlotSink() {
            @Override
            public void write(long id, byte[] entry) {
                try {
                    slots.put(id, new ImmutableBytes(entry));
                } catch (Exception e) {
                    throw new IllegalStateException("cannot store slots: id=" + id, e);
                }
            }

            @Override
            public void delete(long id) {
                try {
                    slots.remove(id);
                } catch (Exception e) {
                    throw new IllegalStateException("cannot delete slots: id=" + id, e);
                }
            }
        };
    }

    /** Reads the slots of {@link #cache}. The session must stay selected while it is used. */
    public SlotSource slotSource(SavedCache saved) {
        boolean isPaged = SavedCache.isPaged(saved.header());
        return id -> {
            try {
                return isPaged ? pagedEntry(id) : array(slots.get(id));
            } catch (Exception e) {
                throw new IllegalStateException("cannot read slots: id=" + id, e);
            }
        };
    }

    private byte[] pagedEntry(long id) throws Exception {
        // Format 2 had tails among the pages.
        ImmutableBytes tail = id < 0 ? tails.get(id) : null;
        return array(tail == null ? pages.get(id) : tail);
    }

    /** Deletes the stored cache. */
    public void forgetCache() throws Exception {
        byte[] header = cacheHeader();
        if (header == null) {
            return;
        }
        try {
            for (long id : SavedCache.ids(header, arrayOrEmpty(cacheTails))) {
                if (SavedCache.isPaged(header)) {
                    removePaged(id);
                } else {
                    slots.remove(id);
                }
            }
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            // Only the header knows the ids; without it RocksDB has to look for them.
            slots.clear();
            pages.clear();
            tails.clear();
        }
        cacheHeader.clear();
        cacheTails.clear();
        cacheScores.clear();
        cacheProfile.clear();
    }

    private void removePaged(long id) throws Exception {
        pages.remove(id);
        if (id < 0) {
            tails.remove(id);
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
