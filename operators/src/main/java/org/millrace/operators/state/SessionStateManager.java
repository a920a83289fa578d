// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.SlotSink;
import org.millrace.engine.kvcache.SlotSource;

/**
 * The one owner of Flink state, with {@link QueueState}. Every method is about the session of the
 * last {@link #select}. Runs on the task's mailbox thread.
 *
 * <pre>
 *   turn         ValueState            the running turn as of the last snapshot
 *   session      ValueState            tokens, answered request ids, model
 *   answers      MapState by id        completions of the answered requests
 *   last-prompt  ValueState            the newest prompt, where sessions age
 *   cache-header  ValueState          page tables, ids of the slots' entries
 *   cache-scores  ValueState          scores of a compressed turn's slots; absent without
 *   cache-profile ValueState          statistics of an unfinished prompt; absent without
 *   slots        MapState by entry id  the cache's slots; write-once, read by key, never iterated
 * </pre>
 *
 * Slots are stored as a cache grows, between snapshots too, so that a snapshot has little to write.
 */
public final class SessionStateManager {
    private final KeyedStateBackend<String> backend;
    private final QueueState queues;
    private final ValueState<RunningTurn> turn;
    private final ValueState<SessionRecord> session;
    private final MapState<String, ImmutableBytes> answers;
    private final ValueState<LastPrompt> lastPrompt;
    private final ValueState<ImmutableBytes> cacheHeader;
    private final ValueState<ImmutableBytes> cacheScores;
    private final ValueState<ImmutableBytes> cacheProfile;
    private final MapState<Long, ImmutableBytes> slots;

    /**
     * Registers all states.
     *
     * @param isRestored whether there may be state of an older format
     */
    public SessionStateManager(
            KeyedStateBackend<String> backend, KeyedStateStore store, boolean isRestored)
            throws Exception {
        this.backend = backend;
        queues = new QueueState(backend, store);
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
        cacheScores = store.getState(bytes("cache-scores"));
        cacheProfile = store.getState(bytes("cache-profile"));
        slots = store.getMapState(bytesById("slots"));
        if (isRestored) {
            FormatFour.move(backend, store, queues);
        }
    }

    private static ValueStateDescriptor<ImmutableBytes> bytes(String name) {
        return new ValueStateDescriptor<>(name, ImmutableBytesSerializer.INSTANCE);
    }

    private static MapStateDescriptor<Long, ImmutableBytes> bytesById(String name) {
        return new MapStateDescriptor<>(
                name, LongSerializer.INSTANCE, ImmutableBytesSerializer.INSTANCE);
    }

    /** The queues of sessions, of which this selects one, too. */
    public QueueState queues() {
        return queues;
    }

    /** Makes {@code sessionId} the session that the other methods are about. */
    public void select(String sessionId) {
        backend.setCurrentKey(sessionId);
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

    /** Remembers an encoded completion, and forgets the oldest ones above a bound. */
    public void remember(String requestId, byte[] completion, int mostRequests, long mostBytes)
            throws Exception {
        SessionRecord record =
                session().withAnswered(new SessionRecord.Answered(requestId, completion.length));
        answers.put(requestId, new ImmutableBytes(completion));
        while (record.answered().size() > mostRequests || record.answeredBytes() > mostBytes) {
            answers.remove(record.answered().get(0).requestId());
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
                        header, new byte[0], arrayOrEmpty(cacheScores), arrayOrEmpty(cacheProfile));
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
    public SlotSource slotSource() {
        return id -> {
            try {
                return array(slots.get(id));
            } catch (Exception e) {
                throw new IllegalStateException("cannot read slots: id=" + id, e);
            }
        };
    }

    /** Deletes the stored cache. */
    public void forgetCache() throws Exception {
        byte[] header = cacheHeader();
        if (header == null) {
            return;
        }
        try {
            for (long id : SavedCache.ids(header, new byte[0])) {
                slots.remove(id);
            }
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            // Only the header knows the ids; without it RocksDB has to look for them.
            slots.clear();
        }
        cacheHeader.clear();
        cacheScores.clear();
        cacheProfile.clear();
    }

    /**
     * Deletes what is known of the session, but neither its unanswered requests nor its newest
     * prompt.
     */
    public void forgetSession() throws Exception {
        forgetCache();
        for (SessionRecord.Answered answered : session().answered()) {
            answers.remove(answered.requestId());
        }
        session.clear();
        turn.clear();
    }

    /** Deletes the newest prompt. */
    public void forgetLastPrompt() {
        lastPrompt.clear();
    }
}
