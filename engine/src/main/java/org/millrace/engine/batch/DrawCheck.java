// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelCheck;
import org.millrace.engine.kernels.KernelProvider;

/** Compares the tokens that a provider draws with the sampler's, beside {@link KernelCheck}. */
public final class DrawCheck {
    private static final int ROWS = 4;
    private static final int REQUESTS = 40;

    private DrawCheck() {}

    /**
     * Draws with random parameters from random logits.
     *
     * @param kernels that {@link KernelProvider#drawsTokens}
     */
    public static KernelCheck.Result run(KernelProvider kernels, long seed) {
        Random random = new Random(seed);
        int width = 500 + random.nextInt(1500);
        float[][] logits = new float[ROWS][width];
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * ROWS * width).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] row : logits) {
            for (int i = 0; i < width; i++) {
                row[i] = 4 * (float) random.nextGaussian();
                bytes.putFloat(row[i]);
            }
        }
        List<DeviceSampler.Request> requests = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            int[] seen = random.ints(50, 0, width).toArray();
            requests.add(new DeviceSampler.Request(i % ROWS, params(random, width), seen, i));
        }
        String difference = "";
        try (DeviceSampler sampler = DeviceSampler.of(kernels, REQUESTS, width);
                DeviceBuffer buffer = kernels.allocate(bytes.capacity())) {
            buffer.write(0, bytes.flip());
            Sampler.Sample[] drawn = sampler.draw(requests, buffer);
            for (int i = 0; i < REQUESTS && difference.isEmpty(); i++) {
                DeviceSampler.Request request = requests.get(i);
                Sampler.Sample expected =
                        Sampler.sample(
                                logits[request.row()].clone(),
                                request.params(),
                                request.seen(),
                                request.index());
                if (!drawn[i].equals(expected)) {
                    difference =
                            request.params() + ": expected=" + expected + ", actual=" + drawn[i];
                }
            }
        }
        return new KernelCheck.Result("sample", REQUESTS + " of " + width, difference);
    }

    private static GenerationParams params(Random random, int width) {
        return new GenerationParams(
                1,
                2 * random.nextFloat(),
                random.nextBoolean() ? 0 : 1 + random.nextInt(width),
                random.nextBoolean() ? 1f : 0.05f + 0.9f * random.nextFloat(),
                random.nextBoolean() ? 0f : 0.5f * random.nextFloat(),
                random.nextBoolean() ? 1f : 1.3f,
                random.nextLong(),
                List.of(),
                false,
                true);
    }
}
