// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.millrace.client.TopicContents;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.PromptRequest;

class RunProgressTest {
    private static final PromptRequest REQUEST =
            PromptRequest.newBuilder().setSessionId("s").setRequestId("r").setText("x").build();

    private final RunProgress progress = new RunProgress();

    @Test
    void aDeadLetterAnswersItsRecord() {
        progress.found(new TopicContents.Prompt(REQUEST, 0, 5), 0);
        assertThat(progress.done()).isFalse();
        progress.answeredBefore(deadLetter(0, 5));
        assertThat(progress.done()).isTrue();
    }

    @Test
    void aRequestThatWasSentAgainAfterADeadLetterWaitsForItsAnswer() {
        progress.found(new TopicContents.Prompt(REQUEST, 0, 5), 0);
        progress.found(new TopicContents.Prompt(REQUEST, 0, 9), 0);
        progress.answeredBefore(deadLetter(0, 5));
        assertThat(progress.done()).isFalse();
        progress.accept(Completion.newBuilder().setSessionId("s").setRequestId("r").build(), 1);
        assertThat(progress.done()).isTrue();
    }

    @Test
    void aSecondDeadLetterEndsIt() {
        progress.found(new TopicContents.Prompt(REQUEST, 0, 5), 0);
        progress.found(new TopicContents.Prompt(REQUEST, 0, 9), 0);
        progress.answeredBefore(deadLetter(0, 5));
        progress.accept(deadLetter(0, 9), 1);
        assertThat(progress.done()).isTrue();
    }

    private static DeadLetter deadLetter(int partition, long offset) {
        return DeadLetter.newBuilder()
                .setTopic("prompts")
                .setPartition(partition)
                .setOffset(offset)
                .setReason("budget_exceeded")
                .build();
    }
}
