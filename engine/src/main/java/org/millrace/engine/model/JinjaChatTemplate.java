// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The chat template that comes with a model. */
final class JinjaChatTemplate implements ChatTemplate {
    private final JinjaTemplate template;
    private final TokenizerFiles files;
    private final Tokenizer tokenizer;
    private final Map<String, Integer> controlTokens = new HashMap<>();
    private final Pattern controlPattern;

    private JinjaChatTemplate(JinjaTemplate template, TokenizerFiles files, Tokenizer tokenizer) {
        this.template = template;
        this.files = files;
        this.tokenizer = tokenizer;
        for (int token : tokenizer.controlTokens()) {
            controlTokens.put(tokenizer.piece(token), token);
        }
        controlPattern =
                Pattern.compile(
                        controlTokens.keySet().stream()
                                .sorted(Comparator.comparingInt(String::length).reversed())
                                .map(Pattern::quote)
                                .collect(Collectors.joining("|")));
    }

    static ChatTemplate compile(String source, TokenizerFiles files, Tokenizer tokenizer) {
        if (files.chatTemplate() == null) {
            return new MissingChatTemplate(source);
        }
        JinjaTemplate template = JinjaTemplate.parse(source, files.chatTemplate());
        return new JinjaChatTemplate(template, files, tokenizer);
    }

    @Override
    public int[] encodeFirstTurn(List<Message> messages) {
        ControlTokenGuard guard = guard(messages);
        String rendered = render(guarded(messages, guard));
        int[] tokens = encode(rendered, guard);
        int first = tokenizer.beginOfSequence();
        if (first < 0 || tokens.length > 0 && tokens[0] == first) {
            return tokens;
        }
        return IntStream.concat(IntStream.of(first), IntStream.of(tokens)).toArray();
    }

    @Override
    public int[] encodeNextTurn(List<Message> messages, boolean ended) {
        ControlTokenGuard guard = guard(messages);
        String reply = String.valueOf(guard.unusedCharacter());
        List<Message> conversation = new ArrayList<>();
        conversation.add(new Message("user", "-"));
        conversation.add(new Message("assistant", reply));
        conversation.addAll(guarded(messages, guard));
        String rendered = render(conversation);
        int at = rendered.lastIndexOf(reply);
        if (at < 0) {
            throw new IllegalArgumentException(
                    "the chat template leaves out earlier replies, so it cannot go on with a session");
        }
        String following = rendered.substring(at + 1);
        return encode(ended ? withoutEnd(following) : following, guard);
    }

    /** Drops the end-of-sequence token which the model has already generated. */
    private String withoutEnd(String text) {
        Matcher first = controlPattern.matcher(text);
        boolean closed =
                first.lookingAt()
                        && tokenizer.endOfSequence().contains(controlTokens.get(first.group()));
        return closed ? text.substring(first.end()) : text;
    }

    @Override
    public String render(List<Message> messages) {
        List<Map<String, Object>> maps = new ArrayList<>();
        for (Message message : messages) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("role", message.role());
            map.put("content", message.content());
            maps.add(map);
        }
        Map<String, Object> values = new HashMap<>();
        values.put("messages", maps);
        values.put("add_generation_prompt", true);
        values.put("bos_token", files.bosToken() == null ? "" : files.bosToken());
        values.put("eos_token", files.eosToken() == null ? "" : files.eosToken());
        return template.render(values);
    }

    private ControlTokenGuard guard(List<Message> messages) {
        Stream<String> texts = messages.stream().flatMap(m -> Stream.of(m.role(), m.content()));
        return new ControlTokenGuard(
                controlTokens.keySet(), Stream.concat(Stream.of(template.text()), texts));
    }

    private static List<Message> guarded(List<Message> messages, ControlTokenGuard guard) {
        return messages.stream()
                .map(m -> new Message(guard.guard(m.role()), guard.guard(m.content())))
                .toList();
    }

    /** Control tokens as such, the text between two of them as plain text. */
    private int[] encode(String rendered, ControlTokenGuard guard) {
        IntStream.Builder tokens = IntStream.builder();
        Matcher control = controlPattern.matcher(rendered);
        int from = 0;
        while (!controlTokens.isEmpty() && control.find()) {
            encodePlain(guard.restore(rendered.substring(from, control.start())), tokens);
            tokens.add(controlTokens.get(control.group()));
            from = control.end();
        }
        encodePlain(guard.restore(rendered.substring(from)), tokens);
        return tokens.build().toArray();
    }

    private void encodePlain(String text, IntStream.Builder tokens) {
        for (int token : tokenizer.encode(text, false)) {
            tokens.add(token);
        }
    }
}
