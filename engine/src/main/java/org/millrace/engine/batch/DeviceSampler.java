// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;

/**
 * Draws as {@link Sampler} does, where the logits are: they need not come to the host. For
 * providers that can; others leave it to the sampler. Not thread safe.
 */
final class DeviceSampler implements AutoCloseable {
    /** Seen tokens of all requests of a step; what does not fit is drawn on the host. */
    private static final int MAX_SEEN = 1 << 16;

    /**
     * One token to draw.
     *
     * @param row of the logits
     * @param seen tokens that the repetition penalty applies to
     * @param index position of the token in its generation
     */
    record Request(int row, GenerationParams params, int[] seen, int index) {}

    private final KernelProvider kernels;
    private final int width;
    private final Resources owned = new Resources();
    private final ByteBuffer requestBytes;
    private final ByteBuffer seenBytes;
    private final ByteBuffer drawnBytes;
    private final DeviceBuffer requests;
    private final DeviceBuffer seen;
    private final DeviceBuffer drawn;
    private final DeviceBuffer scratch;

    private DeviceSampler(KernelProvider kernels, int maxRequests, int width) {
        this.kernels = kernels;
        this.width = width;
        requestBytes = bytes(KernelProvider.DRAW_REQUEST_BYTES * maxRequests);
        seenBytes = bytes(Integer.BYTES * MAX_SEEN);
        drawnBytes = bytes(KernelProvider.DRAWN_BYTES * maxRequests);
        try {
            requests = owned.add(kernels.allocate(requestBytes.capacity()));
            seen = owned.add(kernels.allocate(seenBytes.capacity()));
            drawn = owned.add(kernels.allocate(drawnBytes.capacity()));
            scratch = owned.add(kernels.allocate((long) Float.BYTES * maxRequests * width));
        } catch (OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private static ByteBuffer bytes(int length) {
        return ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Null if the provider does not draw.
     *
     * @param width size of the vocabulary
     */
    static DeviceSampler of(KernelProvider kernels, int maxRequests, int width) {
        return kernels.drawsTokens() ? new DeviceSampler(kernels, maxRequests, width) : null;
    }

    /** Whether the requests fit into one draw. */
    static boolean fits(List<Request> all) {
        return all.stream().mapToLong(request -> penalized(request).length).sum() <= MAX_SEEN;
    }

    private static int[] penalized(Request request) {
        return request.params().repetitionPenalty() == 1f ? new int[0] : request.seen();
    }

    /**
     * @param logits float[][width], finite in all rows that are asked for
     */
    Sampler.Sample[] draw(List<Request> all, DeviceBuffer logits) {
        requestBytes.clear();
        seenBytes.clear();
        for (Request request : all) {
            put(request);
        }
        requests.write(0, requestBytes.flip());
        seen.write(0, seenBytes.flip());
        kernels.draw(logits, width, requests, seen, all.size(), scratch, drawn);
        drawnBytes.clear().limit(KernelProvider.DRAWN_BYTES * all.size());
        drawn.read(0, drawnBytes);
        drawnBytes.flip();
        Sampler.Sample[] samples = new Sampler.Sample[all.size()];
        Arrays.setAll(samples, i -> sample(all.get(i).params()));
        return samples;
    }

    /** The structure SampleRequest of {@code sample.cu}. */
    private void put(Request request) {
        GenerationParams params = request.params();
        int[] penalized = penalized(request);
        requestBytes
                .putInt(request.row())
                .putFloat(params.repetitionPenalty())
                .putFloat(params.temperature())
                .putInt(params.topK())
                .putFloat(params.topP())
                .putFloat(params.minP())
                .putInt(seenBytes.position() / Integer.BYTES)
                .putInt(penalized.length)
                .putLong(Philox.bits63(params.seed(), request.index()))
                .putInt(params.logprobs() ? 1 : 0)
                .putInt(0);
        for (int token : penalized) {
            seenBytes.putInt(token);
        }
    }

    /** The structure Drawn. */
    private Sampler.Sample sample(GenerationParams params) {
        long total = drawnBytes.getLong();
        float largest = drawnBytes.getFloat();
        float logit = drawnBytes.getFloat();
        int id = drawnBytes.getInt();
        drawnBytes.getInt();
        return new Sampler.Sample(
                id, params.logprobs() ? Sampler.logprob(total, largest, logit) : Float.NaN);
    }

    @Override
    public void close() {
        owned.close();
    }
}
