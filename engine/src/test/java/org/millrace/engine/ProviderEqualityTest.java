// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.cpu.CpuKernels;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.StoredSlots;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Whole models: hashes of all logits and of all cache pages are the same for every provider and
 * number of threads.
 */
class ProviderEqualityTest {
    private record Run(String provider, int threads) {}

    /** The Java reference, every instruction set of this processor, the emulated GPU. */
    private static List<Run> runs() {
        List<Run> runs = new ArrayList<>(List.of(new Run("reference", 1)));
        for (String provider : CpuKernels.available()) {
            runs.add(new Run(provider, 1));
            runs.add(new Run(provider, 2));
        }
        runs.add(new Run("cuda", 1));
        return runs;
    }

    @BeforeAll
    static void emulateCuda() {
        EmulatedCuda.install();
    }

    @ParameterizedTest
    @CsvSource({
        "mha32/f32.gguf,F32,F32",
        "gqa3/q8_0.gguf,F16,INT8",
        "mha32/q8_0.gguf,INT8,INT8",
        "mqa80/f32.gguf,F16,INT8",
        "mqa80/f32.gguf,INT8,F32",
        "rope3/q8_0.gguf,INT8,INT8",
        "k256/q4_0.gguf,F16,INT8",
        "k256/q4_1.gguf,INT8,INT8",
        "k256/q5_k.gguf,F32,INT8",
        "k256/q6_k.gguf,INT8,INT8",
        "k256/bf16.gguf,INT8,F32"
    })
    void logitsAndPagesHaveTheSameHashes(String file, KvType kvType, ActivationType activations) {
        List<String> hashes = new ArrayList<>();
        for (Run run : runs()) {
            ModelOptions options =
                    new ModelOptions(kvType, activations, run.provider(), run.threads());
            try (Model model = Model.open(TinyModels.path(file), options)) {
                hashes.add(hash(model, file));
            }
        }
        assertThat(hashes).containsOnly(hashes.get(0));
    }

    private static String hash(Model model, String file) {
        String name = file.substring(0, file.indexOf('/'));
        int[] tokens = TinyModels.ints(TinyModels.json(name + "/case.json").get("token_ids"));
        MessageDigest digest = sha256();
        new Scorer(model).score(tokens, (position, logits) -> update(digest, logits));
        try (Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 1))) {
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            tokens,
                            GenerationParams.greedy(20),
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            StoredSlots stored = new StoredSlots();
            sequence.cache().save(stored);
            assertThat(stored.entries()).isNotEmpty();
            stored.entries().values().forEach(digest::update);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void update(MessageDigest digest, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length);
        bytes.asFloatBuffer().put(values);
        digest.update(bytes);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
