package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.TinyModels;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

/** A device without memory refuses what is new; what runs goes on. */
class DeviceMemoryTest {
    private static final GeneratorOptions OPTIONS = new GeneratorOptions(4 << 20, 64, 4);

    private Model model;

    @BeforeEach
    void open() {
        EmulatedCuda.install();
        ModelOptions options = new ModelOptions(KvType.F16, ActivationType.INT8, "cuda", 1);
        model = Model.open(TinyModels.path("gqa3/q8_0.gguf"), options);
    }

    @AfterEach
    void close() {
        if (model != null) {
            EmulatedCuda.leaveFree(0);
            model.close();
        }
    }

    @Test
    void fullDeviceAdmitsNothingAndRunningSessionsGoOn() {
        try (Generator generator = new Generator(model, OPTIONS)) {
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            new int[] {1, 2, 3},
                            GenerationParams.greedy(8),
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            generator.step();
            assertThat(generator.hasRoomFor(16)).isTrue();
            EmulatedCuda.leaveFree(1 << 20);
            assertThat(generator.hasRoomFor(16)).isFalse();
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            assertThat(sequence.generated()).hasSize(8);
            EmulatedCuda.leaveFree(0);
            assertThat(generator.hasRoomFor(16)).isTrue();
        }
    }

    @Test
    void aPoolThatDoesNotFitIsRefusedBeforeAnythingIsAllocated() {
        EmulatedCuda.leaveFree(66 << 20);
        DeviceUsage before = model.kernels().usage();
        assertThatThrownBy(() -> new Generator(model, OPTIONS))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessage(
                        "too little device memory: poolBytes=4194304, free="
                                + before.freeBytes()
                                + ", needed=71303168");
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes());
    }

    @Test
    void memoryAndTimeAreMeasuredAndBuffersAreFreedOnce() {
        DeviceUsage before = model.kernels().usage();
        DeviceBuffer buffer = model.kernels().allocate(1 << 20);
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes() - (1 << 20));
        buffer.close();
        buffer.close();
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes());
        assertThatThrownBy(() -> CudaBuffer.address(buffer, 0))
                .hasMessage("buffer is closed: bytes=1048576");
        try (Generator generator = new Generator(model, OPTIONS)) {
            generator.submit(
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            new int[] {1, 2, 3},
                            GenerationParams.greedy(2),
                            Retention.FULL,
                            null));
            generator.step();
            assertThat(model.kernels().usage().busyNanos()).isGreaterThan(before.busyNanos());
        }
        assertThat(model.kernels().usage().freeBytes()).isLessThanOrEqualTo(before.freeBytes());
    }
}
