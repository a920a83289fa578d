// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a cluster check showed.
 *
 * @param undisturbed the same requests without an interruption
 */
record CheckReport(List<StepResult> steps, Outcome undisturbed) {
    private static final String[] TITLES = {
        "step",
        "interruptions",
        "fewest live",
        "requests",
        "lost",
        "doubled",
        "changed",
        "saved, computed again",
        "s to first session's next token",
        "s to last session's next token"
    };

    boolean isClean() {
        return findings().isEmpty();
    }

    /** What is wrong, a line each. */
    List<String> findings() {
        return steps.stream().flatMap(step -> step.findings(verdict(step)).stream()).toList();
    }

    private Verdict verdict(StepResult step) {
        return Verdict.of(step.turns(), step.outcome(), undisturbed);
    }

    /** A table for people, and what is to be said beside it. */
    String table() {
        List<String[]> rows = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (StepResult step : steps) {
            Verdict verdict = verdict(step);
            rows.add(
                    new String[] {
                        step.step().toString(),
                        Integer.toString(step.interruptions().size()),
                        Integer.toString(step.fewestLive()),
                        Integer.toString(step.turns().size()),
                        Integer.toString(verdict.lost().size()),
                        Integer.toString(verdict.doubled().size()),
                        Integer.toString(verdict.changed().size()),
                        Long.toString(step.audit().promptTokensRecomputed()),
                        String.format(Locale.ROOT, "%.1f", step.firstSeconds()),
                        String.format(Locale.ROOT, "%.1f", step.lastSeconds())
                    });
            if (!step.note().isEmpty()) {
                notes.add("\n" + step.step() + ": " + step.note());
            }
        }
        List<Column> columns = new ArrayList<>();
        for (String title : TITLES) {
            HorizontalAlign align =
                    columns.isEmpty() ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT;
            columns.add(new Column().header(title).maxWidth(14).dataAlign(align));
        }
        return AsciiTable.getTable(
                        AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS,
                        columns.toArray(Column[]::new),
                        rows.toArray(String[][]::new))
                + String.join("", notes);
    }

    /** One JSON document. */
    String json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("clean", isClean());
        ArrayNode array = root.putArray("steps");
        for (StepResult step : steps) {
            Verdict verdict = verdict(step);
            ObjectNode node = array.addObject();
            node.put("step", step.step().toString());
            node.put("requests", step.turns().size());
            node.put("requests_lost", verdict.lost().size());
            node.put("requests_doubled", verdict.doubled().size());
            node.put("requests_changed", verdict.changed().size());
            node.put("prompt_tokens_recomputed", step.audit().promptTokensRecomputed());
            node.put("tokens_redone", step.audit().tokensRedone());
            node.put("failure", step.failure());
            node.put("note", step.note());
            ArrayNode interruptions = node.putArray("interruptions");
            for (Interruption interruption : step.interruptions()) {
                interruptions
                        .addObject()
                        .put("what", interruption.what())
                        .put("live", interruption.live())
                        .put("first_seconds", interruption.recovery().firstSeconds())
                        .put("last_seconds", interruption.recovery().lastSeconds());
            }
        }
        return root.toPrettyString();
    }
}
