// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;

/**
 * What a run did.
 *
 * @param answeredBefore requests that an earlier run in the same directory has answered
 * @param firstTokenP50Millis median of the time to first token
 * @param cacheBytes bytes of all sessions' caches after their last turn
 * @param skipped records of the output topics that no job has written
 * @param savepoint where the job's state went
 */
record RunReport(
        String model,
        int requests,
        int answeredBefore,
        List<Completion> completions,
        List<DeadLetter> deadLetters,
        long tokens,
        double seconds,
        double tokensPerSecond,
        double firstTokenP50Millis,
        double firstTokenP99Millis,
        long cacheBytes,
        long skipped,
        List<RunningJob.Checkpoint> checkpoints,
        String savepoint) {

    /** A table for people. */
    String table() {
        List<String[]> rows = new ArrayList<>();
        rows.add(row("model", "%s", model));
        rows.add(row("requests", "%d", requests));
        if (answeredBefore > 0) {
            rows.add(row("answered by an earlier run", "%d", answeredBefore));
        }
        rows.add(
                row("completions, dead letters", "%d, %d", completions.size(), deadLetters.size()));
        rows.add(row("prompt tokens, tokens reused", "%d, %d", promptTokens(), reusedTokens()));
        rows.add(row("generated tokens", "%d", tokens));
        rows.add(row("seconds", "%.2f", seconds));
        rows.add(row("tokens/s", "%.1f", tokensPerSecond));
        rows.add(
                row(
                        "time to first token p50, p99",
                        "%.0f ms, %.0f ms",
                        firstTokenP50Millis,
                        firstTokenP99Millis));
        rows.add(row("cache bytes", "%s", mebibytes(cacheBytes)));
        if (skipped > 0) {
            rows.add(row("foreign records skipped", "%d", skipped));
        }
        rows.add(row("checkpoints", "%d", checkpoints.size()));
        if (!checkpoints.isEmpty()) {
            rows.add(
                    row(
                            "checkpoint sizes median, largest",
                            "%s, %s",
                            mebibytes(median(bytes())),
                            mebibytes(max(bytes()))));
            rows.add(
                    row(
                            "checkpoint durations median, longest",
                            "%d ms, %d ms",
                            median(millis()),
                            max(millis())));
        }
        Column[] columns = {
            new Column().dataAlign(HorizontalAlign.LEFT),
            new Column().dataAlign(HorizontalAlign.RIGHT)
        };
        return AsciiTable.getTable(
                AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS, columns, rows.toArray(String[][]::new));
    }

    /** One JSON document. */
    String json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("model", model);
        root.put("requests", requests);
        root.put("answered_before", answeredBefore);
        root.put("completions", completions.size());
        root.put("dead_letters", deadLetters.size());
        root.put("prompt_tokens", promptTokens());
        root.put("reused_tokens", reusedTokens());
        root.put("tokens", tokens);
        root.put("seconds", seconds);
        root.put("tokens_per_second", tokensPerSecond);
        root.putObject("first_token_millis")
                .put("p50", firstTokenP50Millis)
                .put("p99", firstTokenP99Millis);
        root.put("cache_bytes", cacheBytes);
        root.put("skipped", skipped);
        ArrayNode list = root.putArray("checkpoints");
        checkpoints.forEach(
                c ->
                        list.addObject()
                                .put("id", c.id())
                                .put("bytes", c.bytes())
                                .put("millis", c.millis()));
        root.put("savepoint", savepoint);
        ArrayNode answers = root.putArray("answers");
        completions.forEach(c -> addAnswer(answers.addObject(), c));
        ArrayNode letters = root.putArray("refused");
        deadLetters.forEach(
                d ->
                        letters.addObject()
                                .put("offset", d.getOffset())
                                .put("reason", d.getReason())
                                .put("detail", d.getDetail()));
        return root.toPrettyString();
    }

    private static void addAnswer(ObjectNode node, Completion completion) {
        node.put("session", completion.getSessionId());
        node.put("request", completion.getRequestId());
        node.put("text", completion.getText());
        node.put("finish_reason", completion.getFinishReason());
        node.put("prompt_tokens", completion.getUsage().getPromptTokens());
        node.put("reused_tokens", completion.getUsage().getReusedTokens());
        node.put("generated_tokens", completion.getUsage().getGeneratedTokens());
        node.put("queued_millis", completion.getTimings().getQueuedMillis());
        node.put("first_token_millis", completion.getTimings().getFirstTokenMillis());
        node.put("total_millis", completion.getTimings().getTotalMillis());
    }

    private long promptTokens() {
        return completions.stream().mapToLong(c -> c.getUsage().getPromptTokens()).sum();
    }

    private long reusedTokens() {
        return completions.stream().mapToLong(c -> c.getUsage().getReusedTokens()).sum();
    }

    private long[] bytes() {
        return checkpoints.stream().mapToLong(RunningJob.Checkpoint::bytes).sorted().toArray();
    }

    private long[] millis() {
        return checkpoints.stream().mapToLong(RunningJob.Checkpoint::millis).sorted().toArray();
    }

    private static long median(long[] sorted) {
        return sorted[sorted.length / 2];
    }

    private static long max(long[] sorted) {
        return sorted[sorted.length - 1];
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0);
    }

    private static String[] row(String name, String format, Object... values) {
        return new String[] {name, String.format(Locale.ROOT, format, values)};
    }
}
