// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.eval.ResultTable.Of;

/** Results as tables for people. */
public final class EvalTables {
    private EvalTables() {}

    /** The policy, and those of its options that are not its defaults. */
    public static String label(Retention retention) {
        if (retention.options().isEmpty()) {
            return retention.policy();
        }
        Retention defaults = Retention.of(retention.policy());
        return retention.options().entrySet().stream()
                .filter(
                        option ->
                                !defaults.options().get(option.getKey()).equals(option.getValue()))
                .map(option -> " " + option.getKey().key() + "=" + option.getValue())
                .collect(Collectors.joining("", retention.policy(), ""));
    }

    /** Of all that was measured. */
    public static List<ResultTable> of(Evaluation evaluation) {
        List<ResultTable> tables = new ArrayList<>();
        String reference = evaluation.setting().reference();
        if (!evaluation.predictions().isEmpty()) {
            tables.add(predictions("Predictions", evaluation.predictions(), reference));
        }
        if (!evaluation.ablation().isEmpty()) {
            tables.add(
                    predictions(
                            "Predictions, ablation of the paper's ladder",
                            evaluation.ablation(),
                            reference));
        }
        if (!evaluation.recall().isEmpty()) {
            tables.add(
                    recall(
                            "Recall of planted facts",
                            "A context holds five facts at different depths. Each is asked for behind the"
                                    + " compressed context; the right answer must be the likeliest of"
                                    + " seven or eight. Right answers among those that the "
                                    + reference
                                    + " gets right; then by depth.",
                            " % deep",
                            evaluation.recall()));
        }
        if (!evaluation.turns().isEmpty()) {
            tables.add(
                    recall(
                            "Recall over turns",
                            "Five facts are told in the first turn of a conversation, which goes on about"
                                    + " other things and is compressed turn by turn. Right answers among those"
                                    + " that the "
                                    + reference
                                    + " gets right; then by how many turns later they are asked for.",
                            " turns",
                            evaluation.turns()));
        }
        if (!evaluation.divergence().isEmpty()) {
            tables.add(divergence(evaluation.divergence(), reference));
        }
        return tables;
    }

    private static ResultTable predictions(
            String title, List<QualityResult> results, String reference) {
        return ResultTable.of(
                title,
                "The text behind the context is predicted token by token. Bytes: of the "
                        + reference
                        + "; pruned: slots of the context. NLL gap: how much larger the loss is, with an"
                        + " interval of 95 % and the worst window. KL: divergence from the "
                        + reference
                        + ", in nats, mean, 99th percentile, and mean of the worst window. Top-1: the same"
                        + " most likely token.",
                results,
                List.of(
                        new Of<>("policy", r -> label(r.retention())),
                        new Of<>("context", r -> Integer.toString(r.context())),
                        new Of<>("pruned %", r -> percent(1, r.pruned())),
                        new Of<>("bytes %", r -> percent(1, r.bytesShare())),
                        new Of<>("at end %", r -> percent(1, r.bytesShareAtEnd())),
                        new Of<>("NLL gap %", r -> percent(2, r.gap())),
                        new Of<>("95 of 100", EvalTables::interval),
                        new Of<>("worst", r -> percent(1, r.worstGap())),
                        new Of<>("KL", r -> decimal(4, r.divergence())),
                        new Of<>("KL 99 %", r -> decimal(3, r.divergence99())),
                        new Of<>("worst", r -> decimal(3, r.worstDivergence())),
                        new Of<>("top-1 %", r -> percent(1, r.agreement()))));
    }

    private static ResultTable recall(
            String title, String note, String unit, List<RecallResult> results) {
        List<Of<? super RecallResult>> columns = new ArrayList<>();
        columns.add(new Of<>("policy", r -> label(r.retention())));
        columns.add(new Of<>("context", r -> Integer.toString(r.context())));
        columns.add(new Of<>("asked", r -> Integer.toString(r.total().asked())));
        columns.add(new Of<>("right", r -> rightOf(r.total())));
        columns.add(new Of<>("right %", r -> percent(1, r.total().share())));
        for (int place : results.get(0).byPlace().keySet()) {
            columns.add(new Of<>(place + unit, r -> rightOf(r.byPlace().get(place))));
        }
        return ResultTable.of(title, note, results, columns);
    }

    private static String rightOf(RecallResult.Score score) {
        return score.right() + " of " + score.items();
    }

    private static ResultTable divergence(List<DivergenceResult> results, String reference) {
        List<Of<? super DivergenceResult>> columns = new ArrayList<>();
        columns.add(new Of<>("policy", r -> label(r.retention())));
        columns.add(new Of<>("context", r -> Integer.toString(r.context())));
        columns.add(new Of<>("generations", r -> Integer.toString(r.identical().size())));
        columns.add(new Of<>("first difference", EvalTables::median));
        for (int mark : DivergenceResult.MARKS) {
            columns.add(new Of<>("same at " + mark + " %", r -> percent(0, r.share(mark))));
        }
        return ResultTable.of(
                "First divergence",
                "Greedy generation behind the context, beside the "
                        + reference
                        + ": index of the first token that differs in half of the generations, and the share"
                        + " that is the same so far.",
                results,
                columns);
    }

    private static String median(DivergenceResult result) {
        int median = result.median();
        return median == result.length() ? "none" : Integer.toString(median);
    }

    private static String interval(QualityResult result) {
        return percent(2, result.gapInterval().low())
                + " .. "
                + percent(2, result.gapInterval().high());
    }

    private static String percent(int digits, double share) {
        return decimal(digits, 100 * share);
    }

    private static String decimal(int digits, double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
