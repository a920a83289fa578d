// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A record of what was computed and what was saved, kept outside of Flink so that it survives a
 * failure: one JSON document a line. It shows which positions were computed twice.
 *
 * <pre>
 *   {"event":"open","checkpoint":c, ...}                              an operator began; checkpoint restored from, or -1
 *   {"event":"prefill","session":s,"request":r,"from":0,"to":64, ...}  positions computed, to exclusive
 *   {"event":"decode", ... as above}
 *   {"event":"store","session":s,"positions":n, ...}                  a cache went to state at the end of a turn
 *   {"event":"snapshot","session":s,"positions":n,"checkpoint":c, ...}  a live cache went to state for a checkpoint
 *   {"event":"checkpoint","checkpoint":c, ...}                         all that came before is in that checkpoint
 *   {"event":"restore","session":s,"positions":n,"checkpoint":c, ...}   a cache came back; checkpoint restored from, or -1
 * </pre>
 *
 * Each line ends with {@code "subtask":0,"attempt":0,"operator":"3f2a..."}, the last a name that no
 * other operator has: after a failure the ones before and after it may write side by side.
 *
 * <p>Several subtasks and processes may append to one file. Used on one thread; closed by the
 * operator.
 */
public final class Journal implements GenerationListener {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel file;
    private final int subtask;
    private final int attempt;
    private final String operator = UUID.randomUUID().toString();

    private Journal(FileChannel file, int subtask, int attempt) {
        this.file = file;
        this.subtask = subtask;
        this.attempt = attempt;
    }

    /** Makes the journal of each subtask, all of them in one file. */
    public static GenerationListener.Factory in(String path) {
        return (subtask, attempt) ->
                new Journal(
                        FileChannel.open(
                                Path.of(path),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.APPEND),
                        subtask,
                        attempt);
    }

    @Override
    public void opened(long checkpointId) {
        append("open", line -> line.put("checkpoint", checkpointId));
    }

    @Override
    public void computed(String session, String request, int from, int to, int promptEnd) {
        int split = Math.max(from, Math.min(to, promptEnd));
        range("prefill", session, request, from, split);
        range("decode", session, request, split, to);
    }

    private void range(String event, String session, String request, int from, int to) {
        if (from < to) {
            append(
                    event,
                    session,
                    line -> line.put("request", request).put("from", from).put("to", to));
        }
    }

    @Override
    public void stored(String sessionId, int positions) {
        append("store", sessionId, line -> line.put("positions", positions));
    }

    @Override
    public void snapshot(String sessionId, int positions, long checkpointId) {
        append(
                "snapshot",
                sessionId,
                line -> line.put("positions", positions).put("checkpoint", checkpointId));
    }

    @Override
    public void checkpointed(long checkpointId) {
        append("checkpoint", line -> line.put("checkpoint", checkpointId));
    }

    @Override
    public void restored(String sessionId, int positions, long checkpointId) {
        append(
                "restore",
                sessionId,
                line -> line.put("positions", positions).put("checkpoint", checkpointId));
    }

    private void append(String event, String sessionId, Consumer<ObjectNode> fields) {
        append(event, line -> fields.accept(line.put("session", sessionId)));
    }

    private void append(String event, Consumer<ObjectNode> fields) {
        ObjectNode line = JSON.createObjectNode().put("event", event);
        fields.accept(line);
        line.put("subtask", subtask).put("attempt", attempt).put("operator", operator);
        try {
            // One write a line: appends of several processes do not mix.
            file.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new IllegalStateException("cannot append to the journal", e);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
