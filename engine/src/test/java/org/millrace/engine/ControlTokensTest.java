// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate;

/** Files that say less of their control tokens than they might: models that answer by rote. */
class ControlTokensTest {
    private record Answer(String text, FinishReason reason) {}

    /**
     * What ends a turn does, as a control token, a user-defined one, or one that is not special.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "all-control.gguf",
                "eos-user-defined.gguf",
                "eos-is-s-and-im_end-user-defined.gguf",
                "hf-not-special"
            })
    void endsAreKnownByTheirRole(String file) {
        try (Model model = open("tokens/end-tokens/" + file)) {
            int[] prompt =
                    model.chatTemplate()
                            .encodeFirstTurn(List.of(new ChatTemplate.Message("user", "x")));
            Answer answer = generate(model, prompt, 20);
            assertThat(answer.text()).isEqualTo("Hi!");
            assertThat(answer.reason()).isEqualTo(FinishReason.STOP);
        }
    }

    /** SentencePiece files without ids have those of llama.cpp. */
    @ParameterizedTest
    @ValueSource(strings = {"with.gguf", "without.gguf"})
    void absentIdsAreTheUsualOnes(String file) {
        try (Model model = open("tokens/defaults/" + file)) {
            assertThat(model.tokenizer().beginOfSequence()).isEqualTo(1);
            assertThat(model.tokenizer().endOfSequence()).contains(2);
        }
    }

    /** The text of a control token is plain text in a message, also where merges lead to it. */
    @ParameterizedTest
    @ValueSource(strings = {"control-merge.gguf", "hf-control-merge"})
    void mergesMayLeadToAControlToken(String file) {
        try (Model model = open("tokens/vocabulary/" + file)) {
            assertThat(model.tokenizer().encode("</s>", true)).containsExactly(2);
            int[] plain = model.tokenizer().encode("</s>", false);
            assertThat(plain).isNotEmpty().doesNotContain(2);
            assertThat(text(model, plain).strip()).isEqualTo("</s>");
        }
    }

    private static Model open(String file) {
        return TinyModels.open(file, KvType.F32, ActivationType.F32);
    }

    private static Answer generate(Model model, int[] prompt, int count) {
        try (Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 1))) {
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            prompt,
                            GenerationParams.greedy(count),
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            return new Answer(text(model, sequence.generated()), sequence.finishReason());
        }
    }

    private static String text(Model model, int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            bytes.writeBytes(model.tokenizer().bytes(token));
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
