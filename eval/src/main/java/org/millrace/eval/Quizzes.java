// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.millrace.engine.Model;
import org.millrace.engine.model.ChatTemplate.Message;
import org.millrace.engine.model.StreamDecoder;
import org.millrace.engine.model.Tokenizer;

/**
 * Makes quizzes out of texts: each window is the filler of a context, with facts at several depths
 * of it.
 */
final class Quizzes {
    /** Where facts are planted, in percent of the filler. */
    private static final int[] DEPTHS = {10, 30, 50, 70, 90};

    /** Turns after which facts are asked for. */
    private static final int[] DISTANCES = {1, 2, 4, 8};

    private final Model model;
    private final Tokenizer tokenizer;
    private final Facts facts;

    Quizzes(Model model) throws IOException {
        this.model = model;
        this.tokenizer = model.tokenizer();
        this.facts = Facts.bundled();
    }

    /**
     * A context with facts in it, and for each the sentence that told it again, up to the value.
     *
     * @param session which facts are told
     * @throws IOException if the window is too short for them
     */
    Quiz planted(TextWindow window, int session) throws IOException {
        Dialogue context = Dialogue.EMPTY.prompt(context(window, session));
        List<Question> questions = new ArrayList<>();
        for (int place = 0; place < DEPTHS.length; place++) {
            Facts.Fact fact = facts.fact(session, place);
            Dialogue asked = context.reply(tokens("\n\n" + fact.tell()));
            questions.add(question(DEPTHS[place], asked, session, place));
        }
        return new Quiz(List.of(new Quiz.Stop(context, questions)));
    }

    /**
     * A conversation whose first turn is such a context, and which goes on about other things; each
     * fact is asked for after so many turns.
     *
     * @throws IOException if the window is too short for the facts
     */
    Quiz told(TextWindow window, int session) throws IOException {
        Message first = user(facts.opening() + "\n\n" + text(context(window, session)));
        Dialogue dialogue =
                Dialogue.EMPTY
                        .prompt(model.chatTemplate().encodeFirstTurn(List.of(first)))
                        .reply(tokens(facts.acknowledgement()));
        List<Quiz.Stop> stops = new ArrayList<>();
        int turns = 1;
        for (int distance : DISTANCES) {
            for (; turns < distance; turns++) {
                Facts.Exchange exchange = facts.chat().get((turns - 1) % facts.chat().size());
                dialogue = say(dialogue, exchange.user()).reply(tokens(exchange.assistant()));
            }
            stops.add(new Quiz.Stop(dialogue, questions(dialogue, distance, session)));
        }
        return new Quiz(stops);
    }

    private List<Question> questions(Dialogue dialogue, int distance, int session) {
        List<Question> questions = new ArrayList<>();
        for (int place = 0; place < DEPTHS.length; place++) {
            Facts.Fact fact = facts.fact(session, place);
            Dialogue asked = say(dialogue, fact.question()).reply(tokens(fact.answer()));
            questions.add(question(distance, asked, session, place));
        }
        return questions;
    }

    private Dialogue say(Dialogue dialogue, String text) {
        return dialogue.prompt(model.chatTemplate().encodeNextTurn(List.of(user(text)), false));
    }

    private static Message user(String text) {
        return new Message("user", text);
    }

    private Question question(int place, Dialogue asked, int session, int fact) {
        List<int[]> answers =
                facts.fact(session, fact).values().stream()
                        .map(value -> tokens(" " + value))
                        .toList();
        return new Question(place, asked, answers, facts.value(session, fact));
    }

    /** The window's context, as many of its last tokens left out as the facts take. */
    private int[] context(TextWindow window, int session) throws IOException {
        List<int[]> told = new ArrayList<>();
        int total = 0;
        for (int place = 0; place < DEPTHS.length; place++) {
            Facts.Fact fact = facts.fact(session, place);
            String value = fact.values().get(facts.value(session, place));
            told.add(tokens("\n\n" + fact.tell() + " " + value + ".\n\n"));
            total += told.get(place).length;
        }
        int filler = window.context() - total;
        if (filler < total) {
            throw new IOException(
                    "context too short for facts: context="
                            + window.context()
                            + ", must be >= "
                            + 2 * total);
        }
        int[] context = new int[window.context()];
        int from = 0;
        int length = 0;
        for (int place = 0; place < DEPTHS.length; place++) {
            int to = filler * DEPTHS[place] / 100;
            System.arraycopy(window.tokens(), from, context, length, to - from);
            length += to - from;
            System.arraycopy(told.get(place), 0, context, length, told.get(place).length);
            length += told.get(place).length;
            from = to;
        }
        System.arraycopy(window.tokens(), from, context, length, filler - from);
        return context;
    }

    private int[] tokens(String text) {
        return tokenizer.encode(text, false);
    }

    private String text(int[] tokens) {
        StreamDecoder decoder = tokenizer.newStreamDecoder();
        StringBuilder text = new StringBuilder();
        Arrays.stream(tokens).forEach(token -> text.append(decoder.append(token)));
        return text.append(decoder.flush()).toString();
    }
}
