// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Templates of widespread models against Jinja2's own rendering, and what templates must not reach.
 */
class JinjaTemplateTest {
    static Stream<Arguments> rendered() throws IOException {
        try (InputStream in = open("rendered.json")) {
            return StreamSupport.stream(new ObjectMapper().readTree(in).spliterator(), false)
                    .map(
                            row ->
                                    Arguments.of(
                                            row.get("template").textValue(),
                                            messages(row.get("messages")),
                                            row.get("rendered").textValue()));
        }
    }

    @ParameterizedTest
    @MethodSource("rendered")
    void rendersAsJinja2Does(String name, List<Map<String, String>> messages, String expected)
            throws IOException {
        try (InputStream in = open(name + ".jinja")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(render(text, messages)).isEqualTo(expected);
        }
    }

    @Test
    void refusalKeepsTheTemplatesWords() throws IOException {
        try (InputStream in = open("mistral.jinja")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertThatThrownBy(() -> render(text, List.of(Map.of("role", "robot", "content", "x"))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("roles must alternate");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for m in messages %}x",
                "{% if messages %}x{% endfor %}",
                "{{ messages[0 }}"
            })
    void brokenTemplateIsRefused(String text) {
        assertThatThrownBy(() -> render(text, List.of()))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("chat template, line");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% include '/etc/hostname' %}",
                "{% import '/etc/hostname' as x %}",
                "{% from '/etc/hostname' import x %}",
                "{% extends 'log4j2.xml' %}",
                "{{ messages.getClass() }}",
                "{{ messages.class.name }}",
                "{{ ''.getClass().forName('java.lang.Runtime') }}",
                "{{ ''.class }}",
                "{{ ____int3rpr3t3r____.config }}",
                "{{ ____int3rpr3t3r____.getContext() }}"
            })
    void templatesReachNeitherFilesNorClasses(String text) {
        String output;
        try {
            output = render(text, List.of());
        } catch (ModelFormatException e) {
            return;
        }
        assertThat(output).isBlank();
    }

    @Test
    void messagesAreNotTemplates() {
        List<Map<String, String>> messages = List.of(Map.of("content", "{{ 1 + 1 }}{% raw %}"));
        assertThat(render("{{ messages[0].content }}", messages)).isEqualTo("{{ 1 + 1 }}{% raw %}");
    }

    private static String render(String text, List<Map<String, String>> messages) {
        Map<String, Object> values = new HashMap<>();
        values.put("messages", messages);
        values.put("add_generation_prompt", true);
        values.put("bos_token", "<s>");
        values.put("eos_token", "</s>");
        return JinjaTemplate.parse("test", text).render(values);
    }

    private static List<Map<String, String>> messages(JsonNode rows) {
        List<Map<String, String>> messages = new ArrayList<>();
        for (JsonNode row : rows) {
            messages.add(
                    Map.of(
                            "role", row.get("role").textValue(),
                            "content", row.get("content").textValue()));
        }
        return messages;
    }

    private static InputStream open(String name) {
        return JinjaTemplateTest.class.getResourceAsStream("/templates/" + name);
    }
}
