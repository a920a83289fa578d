// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.eval.PromptProfile;

/**
 * What the paper's FastGen measures and chooses on the default model, against the attention of
 * transformers in float32 on a prompt of 512 tokens.
 */
@Tag("nightly")
class DefaultModelProfileITCase {
    private static final String GOLDEN = "/golden/smollm2/fastgen/harbour-512";

    @Test
    void floatActivationsMeasureAndChooseAsFloat32() throws IOException {
        JsonNode golden = golden();
        try (Model model = model(KvType.F32, ActivationType.F32)) {
            check(model, golden, "mean", "all", 1e-4, true);
            check(model, golden, "min", "last:32", 1e-4, true);
            assertThat(overlaps(model, golden)).allMatch(overlap -> overlap >= 0.99);
        }
    }

    /** As users get it. */
    @Test
    void quantisedActivationsComeNear() throws IOException {
        JsonNode golden = golden();
        try (Model model = model(KvType.INT8, ActivationType.INT8)) {
            check(model, golden, "mean", "all", 0.02, false);
            check(model, golden, "mean", "last:32", 0.05, false);
            DoubleSummaryStatistics overlaps =
                    overlaps(model, golden).stream()
                            .mapToDouble(Double::doubleValue)
                            .summaryStatistics();
            assertThat(overlaps.getAverage()).isGreaterThanOrEqualTo(0.95);
            assertThat(overlaps.getMin()).isGreaterThanOrEqualTo(0.9);
        }
    }

    private static void check(
            Model model,
            JsonNode golden,
            String pooling,
            String rows,
            double tolerance,
            boolean sameChoices) {
        JsonNode variant = golden.get("variants").get(pooling + "/" + rows);
        String recovery = "0.95";
        Retention retention =
                Retention.parse(
                        "fastgen-paper recovery=%s pooling=%s rows=%s"
                                .formatted(recovery, pooling, rows));
        List<HeadChoice> heads = PromptProfile.of(model, retention, tokens(golden)).heads();
        for (int i = 0; i < heads.size(); i++) {
            JsonNode masses = of(variant.get("mass"), i);
            for (int rung = 0; rung < masses.size(); rung++) {
                assertThat(heads.get(i).masses().get(rung))
                        .as("mass of head %d, rung %d, %s/%s", i, rung, pooling, rows)
                        .isCloseTo(masses.get(rung).doubleValue(), offset(tolerance));
            }
            if (sameChoices) {
                assertThat(heads.get(i).rung())
                        .isEqualTo(of(variant.get("choice").get(recovery), i).intValue());
                assertThat(heads.get(i).slots())
                        .hasToString(of(golden.get("kept"), i).toString().replace(",", ", "));
            }
        }
    }

    /** Share of the reference's heavy hitters that each head has, too. */
    private static List<Double> overlaps(Model model, JsonNode golden) throws IOException {
        int[] tokens = tokens(golden);
        Retention retention = Retention.parse("frequent frequent-ratio=0.3");
        List<HeadChoice> heads = PromptProfile.of(model, retention, tokens).heads();
        FloatBuffer sums = columnSums();
        int frequent = (int) (0.3 * tokens.length);
        List<Double> overlaps = new ArrayList<>();
        for (HeadChoice head : heads) {
            float[] ofHead = new float[tokens.length];
            sums.get(ofHead);
            BitSet common = (BitSet) head.kept().clone();
            BitSet expected = new BitSet();
            IntStream.range(0, tokens.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(j -> -ofHead[j]))
                    .limit(frequent)
                    .forEach(expected::set);
            common.and(expected);
            overlaps.add(common.cardinality() / (double) frequent);
        }
        return overlaps;
    }

    private static JsonNode of(JsonNode byLayer, int head) {
        int kvHeads = byLayer.get(0).size();
        return byLayer.get(head / kvHeads).get(head % kvHeads);
    }

    private static int[] tokens(JsonNode golden) {
        JsonNode list = golden.get("tokens");
        return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
    }

    private static Model model(KvType kvType, ActivationType activations) throws IOException {
        return Model.open(
                ModelLocator.locate(null), new ModelOptions(kvType, activations, "auto", 0));
    }

    private static JsonNode golden() throws IOException {
        return new ObjectMapper().readTree(resource(".json"));
    }

    /** float32[layer][KV head][column]. */
    private static FloatBuffer columnSums() throws IOException {
        try (ZipInputStream zip = new ZipInputStream(resource(".npz"))) {
            while (!zip.getNextEntry().getName().equals("colsum.npy")) {
                zip.closeEntry();
            }
            ByteBuffer npy = ByteBuffer.wrap(zip.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
            npy.position(10 + npy.getShort(8));
            return npy.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        }
    }

    private static InputStream resource(String suffix) {
        return DefaultModelProfileITCase.class.getResourceAsStream(GOLDEN + suffix);
    }
}
