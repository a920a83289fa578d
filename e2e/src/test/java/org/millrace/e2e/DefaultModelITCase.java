// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/**
 * The default model, as users get it, against float32 outputs of transformers on the same weights.
 * The bounds are those of a well-made engine with int8 activations (llama.cpp on these texts: mean
 * divergence 0.0031, 99 % 0.0154, perplexity +0.31 %).
 */
class DefaultModelITCase {
    private static final String GOLDEN = "/golden/smollm2/";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Divergences from float32 and log likelihoods over both texts. */
    private static final class Distance {
        final List<Double> divergences = new ArrayList<>();
        double logLikelihood;
        int tokens;

        void add(float[] reference, float[] actual, int next) {
            divergences.add(divergence(reference, actual));
            if (next >= 0) {
                logLikelihood += actual[next] - logSumExp(actual);
                tokens++;
            }
        }

        double mean() {
            return divergences.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        }

        double percentile99() {
            List<Double> sorted = new ArrayList<>(divergences);
            Collections.sort(sorted);
            return sorted.get((int) (0.99 * sorted.size()));
        }

        double perplexity() {
            return Math.exp(-logLikelihood / tokens);
        }
    }

    @Test
    void bothTextsAreNearFloat32() throws IOException {
        Distance exact = new Distance();
        Distance f16 = new Distance();
        Distance int8 = new Distance();
        for (JsonNode text : MAPPER.readTree(resource("score.json"))) {
            int[] tokens = ints(text.get("token_ids"));
            float[][] reference = logits(tokens, KvType.F32, ActivationType.F32);
            assertNearTransformers(text, reference);
            compare(tokens, reference, reference, exact);
            compare(tokens, reference, logits(tokens, KvType.F16, ActivationType.INT8), f16);
            compare(tokens, reference, logits(tokens, KvType.INT8, ActivationType.INT8), int8);
        }
        assertThat(f16.mean()).isLessThanOrEqualTo(0.0035);
        assertThat(f16.percentile99()).isLessThanOrEqualTo(0.018);
        assertThat(int8.mean()).isLessThanOrEqualTo(0.0045);
        assertThat(int8.percentile99()).isLessThanOrEqualTo(0.025);
        assertThat(f16.perplexity() / exact.perplexity()).isBetween(0.992, 1.008);
        assertThat(int8.perplexity() / exact.perplexity()).isBetween(0.992, 1.008);
    }

    /** The float path itself: logits at ten positions a text, log probabilities at all. */
    private static void assertNearTransformers(JsonNode text, float[][] logits) throws IOException {
        String name = text.get("name").asText().replaceAll("\\.txt$", "");
        int[] positions = ints(text.get("logits_positions"));
        ByteBuffer npy =
                ByteBuffer.wrap(resource("logits/" + name + ".npy").readAllBytes())
                        .order(ByteOrder.LITTLE_ENDIAN);
        npy.position(10 + npy.getShort(8));
        double sum = 0;
        for (int position : positions) {
            float[] expected = new float[logits[0].length];
            npy.asFloatBuffer().get(expected);
            npy.position(npy.position() + Float.BYTES * expected.length);
            sum += divergence(expected, logits[position]);
        }
        assertThat(sum / positions.length).isLessThanOrEqualTo(1e-5);

        int[] tokens = ints(text.get("token_ids"));
        for (int i = 0; i + 1 < tokens.length; i++) {
            double logprob = logits[i][tokens[i + 1]] - logSumExp(logits[i]);
            assertThat(Math.abs(logprob - text.get("logprobs").get(i).doubleValue()))
                    .as("log probability of token %d", i + 1)
                    .isLessThan(1e-3);
        }
    }

    private static void compare(
            int[] tokens, float[][] reference, float[][] actual, Distance distance) {
        for (int i = 0; i < tokens.length; i++) {
            int next = i + 1 < tokens.length ? tokens[i + 1] : -1;
            distance.add(reference[i], actual[i], next);
        }
    }

    /**
     * Along the reference's greedy replies: where the best token differs, the reference was
     * undecided.
     */
    @Test
    void bestTokensDifferOnlyWhereTheReferenceIsUndecided() throws IOException {
        int steps = 0;
        List<Double> marginsOfFlips = new ArrayList<>();
        for (JsonNode chat : MAPPER.readTree(resource("chat.json"))) {
            int[] prompt = ints(chat.get("prompt_tokens"));
            int[] reply = ints(chat.get("greedy_tokens"));
            int[] tokens = new int[prompt.length + reply.length];
            System.arraycopy(prompt, 0, tokens, 0, prompt.length);
            System.arraycopy(reply, 0, tokens, prompt.length, reply.length);
            float[][] logits = logits(tokens, KvType.F16, ActivationType.INT8);
            for (int i = 0; i < reply.length; i++) {
                steps++;
                if (argmax(logits[prompt.length + i - 1]) != reply[i]) {
                    marginsOfFlips.add(chat.get("margins").get(i).doubleValue());
                }
            }
        }
        assertThat(marginsOfFlips.size()).isLessThanOrEqualTo((int) (0.05 * steps));
        assertThat(marginsOfFlips).filteredOn(margin -> margin > 0.5).hasSizeLessThanOrEqualTo(2);
        assertThat(marginsOfFlips).allMatch(margin -> margin <= 1.0);
    }

    private static float[][] logits(int[] tokens, KvType kvType, ActivationType activations)
            throws IOException {
        ModelOptions options = new ModelOptions(kvType, activations, "auto", 0);
        try (Model model = Model.open(ModelLocator.locate(null), options)) {
            float[][] logits = new float[tokens.length][];
            new Scorer(model).score(tokens, (position, values) -> logits[position] = values);
            return logits;
        }
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    /** KL(p || q) of two rows of logits. */
    private static double divergence(float[] p, float[] q) {
        double logP = logSumExp(p);
        double logQ = logSumExp(q);
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            double logProbability = p[i] - logP;
            sum += Math.exp(logProbability) * (logProbability - (q[i] - logQ));
        }
        return sum;
    }

    private static double logSumExp(float[] values) {
        double max = Double.NEGATIVE_INFINITY;
        for (float value : values) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (float value : values) {
            sum += Math.exp(value - max);
        }
        return max + Math.log(sum);
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }

    private static InputStream resource(String name) {
        return DefaultModelITCase.class.getResourceAsStream(GOLDEN + name);
    }
}
