// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.operators.DeadLetterReason;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.Header;
import org.millrace.schemas.RecordCodec;

class DeadLettersTest {
    private static Origin origin(List<Header> headers) {
        return new Origin("prompts", 0, 7, 1000, headers);
    }

    private static OutputRecord letter(Origin origin, String detail) {
        OriginalValue original = OriginalValue.of(new byte[OriginalValue.MAX_PREFIX_BYTES]);
        return DeadLetters.of(origin, original, "s", DeadLetterReason.INVALID_PARAMETER, detail);
    }

    private static DeadLetter letter(String detail) {
        return (DeadLetter) letter(origin(List.of()), detail).value();
    }

    @Test
    void aLongDetailIsCut() {
        DeadLetter letter = letter("x".repeat(1 << 20));
        assertThat(letter.getDetail()).isEqualTo("x".repeat(2000) + "... (length=1048576)");
        assertThat(RecordCodec.DEAD_LETTER.encode(letter)).hasSizeLessThan(900_000);
    }

    @Test
    void aDetailThatFitsStays() {
        assertThat(letter("x".repeat(2000)).getDetail()).isEqualTo("x".repeat(2000));
    }

    @Test
    void tooManyHeadersAreLeftOut() {
        Header small = new Header("trace", ByteBuffer.wrap(new byte[] {1}));
        Header large = new Header("bulk", ByteBuffer.wrap(new byte[Origin.MAX_HEADER_BYTES]));
        assertThat(letter(origin(List.of(small)), "x").headers()).contains(small).hasSize(2);
        OutputRecord bare = letter(origin(List.of(small, large)), "x");
        assertThat(bare.headers()).hasSize(1);
        assertThat(bare.header(Origin.PROMPT_HEADER)).isEqualTo("prompts/0/7");
    }

    @Test
    void positionOfAnEarlierPromptIsReplaced() {
        Header earlier = new Header(Origin.PROMPT_HEADER, null);
        OutputRecord letter = letter(origin(List.of(earlier)), "x");
        assertThat(letter.headers()).hasSize(1);
        assertThat(letter.header(Origin.PROMPT_HEADER)).isEqualTo("prompts/0/7");
    }

    @Test
    void noCharacterIsCutInTwo() {
        String smiley = "\uD83D\uDE00";
        assertThat(letter("x" + smiley.repeat(1000)).getDetail())
                .isEqualTo("x" + smiley.repeat(999) + "... (length=2001)");
    }
}
