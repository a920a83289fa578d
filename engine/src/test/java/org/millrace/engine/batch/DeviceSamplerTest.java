// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.KernelProvider;

/** The kernel that draws gives the sampler's tokens and log probabilities. */
class DeviceSamplerTest {
    private static final int WIDTH = 777;
    private static final int ROWS = 6;

    private final Random random = new Random(5);

    @Test
    void drawsAsTheSamplerDoes() {
        float[][] logits = new float[ROWS][WIDTH];
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++) {
                logits[row][i] = (float) random.nextGaussian() * (1 + 2 * row);
            }
        }
        // Ties in value, among them of both zeros.
        Arrays.fill(logits[1], 0f);
        for (int i = 0; i < WIDTH; i += 3) {
            logits[1][i] = -0f;
        }
        Arrays.fill(logits[2], 100, 400, 5f);
        List<DeviceSampler.Request> requests = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            requests.add(request(i));
        }
        try (KernelProvider kernels = EmulatedCuda.open();
                DeviceSampler sampler = DeviceSampler.of(kernels, requests.size(), WIDTH);
                DeviceBuffer buffer = upload(kernels, logits)) {
            assertThat(DeviceSampler.fits(requests)).isTrue();
            Sampler.Sample[] drawn = sampler.draw(requests, buffer);
            for (int i = 0; i < drawn.length; i++) {
                DeviceSampler.Request request = requests.get(i);
                assertThat(drawn[i])
                        .as(request.toString())
                        .isEqualTo(
                                Sampler.sample(
                                        logits[request.row()].clone(),
                                        request.params(),
                                        request.seen(),
                                        request.index()));
            }
            long ids = Arrays.stream(drawn).map(Sampler.Sample::id).distinct().count();
            assertThat(ids).isGreaterThan(40);
        }
    }

    /** All combinations come up; temperatures from none to one that flattens everything. */
    private DeviceSampler.Request request(int i) {
        GenerationParams params =
                new GenerationParams(
                        8,
                        new float[] {0f, 0.3f, 1f, 20f}[i % 4],
                        i % 3 == 0 ? 0 : 1 + random.nextInt(2 * WIDTH),
                        i % 5 < 2 ? 1f : 0.05f + 0.9f * random.nextFloat(),
                        i % 7 < 4 ? 0f : 0.5f * random.nextFloat(),
                        i % 2 == 0 ? 1f : 1.3f,
                        random.nextLong(),
                        List.of(),
                        i % 4 < 2,
                        true);
        int[] seen = random.ints(50, 0, WIDTH).toArray();
        return new DeviceSampler.Request(i % ROWS, params, seen, i);
    }

    private static DeviceBuffer upload(KernelProvider kernels, float[][] rows) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * ROWS * WIDTH).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] row : rows) {
            bytes.asFloatBuffer().put(row);
            bytes.position(bytes.position() + Float.BYTES * WIDTH);
        }
        DeviceBuffer buffer = kernels.allocate(bytes.capacity());
        buffer.write(0, bytes.flip());
        return buffer;
    }
}
