// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RequestKind;

class PromptReaderTest {
    @Test
    void readsTextChatAndControls() throws Exception {
        List<PromptRequest> requests =
                read(
                        """
                        {"session": "s", "request": "1", "text": "Once", "maxTokens": 7, "stop": ["x"], "seed": 5}

                        {"session":"s","request":"2","messages":[{"role":"user","content":"Hi"}],"temperature":0.5}
                        {"session":"s","kind":"end_session"}
                        """);
        assertThat(requests).hasSize(3);
        assertThat(requests.get(0).getText()).isEqualTo("Once");
        assertThat(requests.get(0).getLimits().getMaxTokens()).isEqualTo(7);
        assertThat(requests.get(0).getLimits().getStopStrings()).containsExactly("x");
        assertThat(requests.get(0).getSampling().getSeed()).isEqualTo(5);
        assertThat(requests.get(1).getMessages()).containsExactly(new ChatMessage("user", "Hi"));
        assertThat(requests.get(1).getSampling().getTemperature()).isEqualTo(0.5f);
        assertThat(requests.get(1).getLimits().getMaxTokens()).isEqualTo(256);
        assertThat(requests.get(2).getKind()).isEqualTo(RequestKind.END_SESSION);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"session\":\"s\"|Unexpected end-of-input",
                "{\"session\":\"s\",\"request\":\"r\",\"test\":\"x\"}|unknown field \"test\", known are",
                "{\"request\":\"r\",\"text\":\"x\"}|field \"session\" is missing",
                "{\"session\":\"s\",\"text\":\"x\"}|field \"request\" is missing",
                "{\"session\":\"s\",\"request\":\"r\"}|empty_prompt",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"maxTokens\":0}|maxTokens=0",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"maxTokens\":\"many\"}|field \"maxTokens\"",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"kind\":\"stop\"}|kind=stop, must be generate, cancel or end_session",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":{}}|field \"text\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":5}|field \"text\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"messages\":\"x\"}|field \"messages\": must be a list",
                "{\"session\":\"s\",\"request\":\"r\",\"messages\":[\"x\"]}|field \"messages[0]\": must be an object",
                "{\"session\":\"s\",\"request\":\"r\",\"messages\":[{\"role\":[],\"content\":\"x\"}]}|field \"messages[0].role\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"maxTokens\":1.5}|field \"maxTokens\": must be a whole number",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"maxTokens\":99999999999}|field \"maxTokens\": Numeric value (99999999999) out of range",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"stop\":5}|field \"stop[0]\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"stop\":{}}|field \"stop[0]\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"stop\":[5]}|field \"stop[0]\": must be a string",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"ignoreEos\":1}|field \"ignoreEos\": must be true or false",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"temperature\":\"hot\"}|field \"temperature\": must be a number",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"seed\":[]}|field \"seed\": must be a whole number",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"x\",\"deadlineMillis\":true}|field \"deadlineMillis\": must be a whole number",
                "{\"session\":\"a\",\"request\":\"1\",\"text\":\"x\"}|session=a, request=1 is already on line 1",
                "{\"session\":\"s\",\"request\":\"r\",\"text\":\"\\udcff\"}|half of a surrogate pair",
                "[]|must be an object",
                "5|must be an object",
                "\"x\"|must be an object",
                "null|must be an object"
            })
    void aBadLineIsNamedWithItsNumber(String line, String problem) {
        assertThatThrownBy(
                        () ->
                                read(
                                        "{\"session\":\"a\",\"request\":\"1\",\"text\":\"x\"}\n\n"
                                                + line))
                .isInstanceOf(PromptFormatException.class)
                .hasMessageStartingWith("test:3: ")
                .hasMessageContaining(problem)
                .message()
                .doesNotContain("java.", "org.millrace");
    }

    @Test
    void oneStopStringNeedsNoList() throws Exception {
        assertThat(
                        read("{\"session\":\"s\",\"request\":\"1\",\"text\":\"x\",\"stop\":\"END\"}")
                                .get(0)
                                .getLimits()
                                .getStopStrings())
                .containsExactly("END");
    }

    @Test
    void invalidUtf8IsNamed() {
        byte[] bytes = {'{', (byte) 0xFF, '}'};
        assertThatThrownBy(() -> PromptReader.of("test", new ByteArrayInputStream(bytes)).next())
                .hasMessage("test:1: not UTF-8");
    }

    private static List<PromptRequest> read(String text) throws Exception {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (PromptReader reader = PromptReader.of("test", new ByteArrayInputStream(bytes))) {
            return reader.all();
        }
    }
}
