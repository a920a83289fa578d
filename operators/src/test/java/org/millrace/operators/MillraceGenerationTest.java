// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.ChatMessage;

class MillraceGenerationTest {
    private final StreamExecutionEnvironment env =
            StreamExecutionEnvironment.getExecutionEnvironment(
                    Configuration.fromMap(
                            java.util.Map.of(PipelineOptions.GENERIC_TYPES.key(), "false")));

    private DataStream<Prompt> prompts() {
        return env.fromData(
                Prompt.text("s", "r1", "Hello").maxTokens(3).header("trace", "t").build(),
                Prompt.chat("s", "r2", List.of(new ChatMessage("user", "Hi"))).build(),
                Prompt.cancel("s", "r2"),
                Prompt.endSession("s"));
    }

    @Test
    void typesAreKnownWithoutKryo() {
        DataStream<Prompt> prompts = prompts();
        assertThat(prompts.getType()).isEqualTo(Prompt.TYPE);
        MillraceGeneration chat =
                MillraceGeneration.of(prompts).model("/models/m.gguf").uid("chat").build();
        assertThat(chat.completions().getType()).isEqualTo(OutputTypes.COMPLETION);
        assertThat(chat.tokens().getType()).isEqualTo(OutputTypes.TOKEN);
        assertThat(chat.deadLetters().getType()).isEqualTo(RejectedPrompt.TYPE);
        assertThat(TypeInformation.of(RejectedPrompt.class)).isEqualTo(RejectedPrompt.TYPE);
    }

    @Test
    void typesSurviveTheJourneyToTheJobManager() throws Exception {
        for (TypeInformation<?> type :
                List.of(
                        Prompt.TYPE,
                        RejectedPrompt.TYPE,
                        OutputTypes.COMPLETION,
                        OutputTypes.TOKEN)) {
            assertThat(InstantiationUtil.clone(type)).isEqualTo(type);
        }
    }

    @Test
    void eachUseHasAUidOfItsOwn() {
        DataStream<Prompt> prompts = prompts();
        MillraceGeneration chat =
                MillraceGeneration.of(prompts).model("/m.gguf").uid("chat").build();
        MillraceGeneration code =
                MillraceGeneration.of(prompts)
                        .model("/m.gguf")
                        .uid("code")
                        .name("writes code")
                        .parallelism(2)
                        .slotSharingGroup("code")
                        .build();
        assertThat(chat.completions().getTransformation().getUid()).isEqualTo("chat");
        assertThat(chat.completions().getName()).isEqualTo("chat");
        assertThat(code.completions().getTransformation().getUid()).isEqualTo("code");
        assertThat(code.completions().getName()).isEqualTo("writes code");
        assertThat(code.completions().getParallelism()).isEqualTo(2);
        assertThat(
                        code.completions()
                                .getTransformation()
                                .getSlotSharingGroup()
                                .orElseThrow()
                                .getName())
                .isEqualTo("code");
    }

    @Test
    void anotherKeyIsRefusedByName() {
        DataStream<Prompt> keyed = prompts().keyBy(Prompt::requestId);
        assertThatThrownBy(() -> MillraceGeneration.of(keyed))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Prompt.BY_SESSION");
        assertThat(MillraceGeneration.of(prompts().keyBy(Prompt.BY_SESSION))).isNotNull();
    }

    @Test
    void whatIsMissingIsNamed() {
        assertThatThrownBy(() -> MillraceGeneration.of(prompts()).uid("chat").build())
                .hasMessageContaining("millrace.model");
        assertThatThrownBy(() -> MillraceGeneration.of(prompts()).model("/m.gguf").build())
                .hasMessageContaining("uid");
        assertThatThrownBy(
                        () ->
                                MillraceGeneration.of(prompts())
                                        .model("/m.gguf")
                                        .uid("chat")
                                        .option(GenerationOptions.MAX_SEQUENCES, 0)
                                        .build())
                .hasMessageContaining("millrace.max-sequences: value=0");
    }
}
