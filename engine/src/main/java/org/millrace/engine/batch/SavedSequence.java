// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Stored form of a {@link Sequence}, version {@value #VERSION}. Big-endian, as {@link
 * DataOutputStream} writes.
 *
 * <pre>
 *   int32 version
 *   int32 reusedTokens
 *   int32 maxTokens, float32 temperature, int32 topK, float32 topP, float32 minP, float32 repetitionPenalty,
 *   int64 seed, int8 ignoreEos, int8 logprobs, int32 n, utf[n] stopStrings
 *   int32 n, int32[n] tokens
 *   int32 n, float32[n] logprobs
 *   turns, this one last: {@link SessionTurn#writeAll}
 * </pre>
 *
 * Version 1 had int32 turnStart, promptEnd before reusedTokens, and no turns: nothing was
 * compressed.
 */
record SavedSequence(
        int[] tokens,
        int reusedTokens,
        GenerationParams params,
        float[] logprobs,
        List<SessionTurn> turns) {
    static final int VERSION = 2;

    SavedSequence {
        turns = List.copyOf(turns);
    }

    /** The turn that is saved. */
    SessionTurn turn() {
        return turns.get(turns.size() - 1);
    }

    byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512 + 4 * tokens.length);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(VERSION);
            out.writeInt(reusedTokens);
            writeParams(out);
            out.writeInt(tokens.length);
            out.write(bigEndian(tokens));
            out.writeInt(logprobs.length);
            for (float logprob : logprobs) {
                out.writeFloat(logprob);
            }
            SessionTurn.writeAll(turns, out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static byte[] bigEndian(int[] ints) {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * ints.length);
        bytes.asIntBuffer().put(ints);
        return bytes.array();
    }

    private void writeParams(DataOutputStream out) throws IOException {
        out.writeInt(params.maxTokens());
        out.writeFloat(params.temperature());
        out.writeInt(params.topK());
        out.writeFloat(params.topP());
        out.writeFloat(params.minP());
        out.writeFloat(params.repetitionPenalty());
        out.writeLong(params.seed());
        out.writeBoolean(params.ignoreEos());
        out.writeBoolean(params.logprobs());
        out.writeInt(params.stopStrings().size());
        for (String stop : params.stopStrings()) {
            out.writeUTF(stop);
        }
    }

    static SavedSequence decode(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            int version = in.readInt();
            if (version < 1 || version > VERSION) {
                throw new IllegalArgumentException(
                        "unknown format of a saved sequence: version="
                                + version
                                + ", known=1 to "
                                + VERSION);
            }
            List<SessionTurn> turns = version == 1 ? readFirstVersion(in) : List.of();
            int reusedTokens = in.readInt();
            GenerationParams params = readParams(in);
            int[] tokens = new int[in.readInt()];
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = in.readInt();
            }
            float[] logprobs = new float[in.readInt()];
            for (int i = 0; i < logprobs.length; i++) {
                logprobs[i] = in.readFloat();
            }
            return new SavedSequence(
                    tokens,
                    reusedTokens,
                    params,
                    logprobs,
                    version == 1 ? turns : SessionTurn.readAll(in));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<SessionTurn> readFirstVersion(DataInputStream in) throws IOException {
        return List.of(SessionTurn.of(in.readInt(), in.readInt(), Retention.FULL));
    }

    private static GenerationParams readParams(DataInputStream in) throws IOException {
        int maxTokens = in.readInt();
        float temperature = in.readFloat();
        int topK = in.readInt();
        float topP = in.readFloat();
        float minP = in.readFloat();
        float repetitionPenalty = in.readFloat();
        long seed = in.readLong();
        boolean ignoreEos = in.readBoolean();
        boolean logprobs = in.readBoolean();
        int count = in.readInt();
        List<String> stopStrings = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            stopStrings.add(in.readUTF());
        }
        return new GenerationParams(
                maxTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                ignoreEos,
                logprobs);
    }
}
