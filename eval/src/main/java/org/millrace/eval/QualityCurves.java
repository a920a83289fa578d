// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.awt.Color;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionOption;

/**
 * Quality against bytes as pictures: a curve for each policy over its budgets, divergence on a
 * logarithmic axis. Where a policy takes a share as well as T, each is a curve.
 */
final class QualityCurves {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 600;

    /** Below this, only rounding is left. */
    private static final double LEAST_DIVERGENCE = 1e-5;

    private QualityCurves() {}

    /** For each length of context a PNG of the divergence and one of the loss. */
    static List<byte[]> draw(Evaluation evaluation) throws IOException {
        List<QualityResult> results = evaluation.predictions();
        int[] contexts =
                results.stream().mapToInt(QualityResult::context).distinct().sorted().toArray();
        List<byte[]> pictures = new ArrayList<>();
        for (int context : contexts) {
            Map<String, List<QualityResult>> curves = curves(results, context);
            if (curves.isEmpty()) {
                continue;
            }
            XYChart divergence =
                    chart(context, "KL from the full cache, mean, nats", evaluation.setting());
            XYChart loss = chart(context, "NLL gap, %", evaluation.setting());
            curves.forEach(
                    (name, curve) -> {
                        add(divergence, name, curve, QualityCurves::divergence);
                        add(loss, name, curve, result -> 100 * result.gap());
                    });
            showDecades(divergence, curves.values());
            pictures.add(BitmapEncoder.getBitmapBytes(divergence, BitmapFormat.PNG));
            pictures.add(BitmapEncoder.getBitmapBytes(loss, BitmapFormat.PNG));
        }
        return pictures;
    }

    private static XYChart chart(int context, String quality, Evaluation.Setting setting) {
        XYChart chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title("Context of " + context + " tokens")
                        .xAxisTitle("bytes after the context, % of the " + setting.reference())
                        .yAxisTitle(quality)
                        .build();
        chart.getStyler()
                .setLegendPosition(LegendPosition.OutsideE)
                .setChartBackgroundColor(Color.WHITE);
        return chart;
    }

    /** Only powers of ten have labels: at least two are in the picture. */
    private static void showDecades(XYChart chart, Collection<List<QualityResult>> curves) {
        DoubleSummaryStatistics values =
                curves.stream()
                        .flatMap(List::stream)
                        .mapToDouble(QualityCurves::divergence)
                        .summaryStatistics();
        double low = Math.floor(Math.log10(values.getMin()));
        double high = Math.max(low + 1, Math.ceil(Math.log10(values.getMax())));
        chart.getStyler()
                .setYAxisLogarithmic(true)
                .setYAxisMin(Math.pow(10, low))
                .setYAxisMax(Math.pow(10, high));
    }

    private static double divergence(QualityResult result) {
        return Math.max(LEAST_DIVERGENCE, result.divergence());
    }

    private static void add(
            XYChart chart,
            String name,
            List<QualityResult> curve,
            ToDoubleFunction<QualityResult> quality) {
        double[] x = curve.stream().mapToDouble(result -> 100 * result.bytesShare()).toArray();
        double[] y = curve.stream().mapToDouble(quality).toArray();
        chart.addSeries(name, x, y);
    }

    /** Points of each curve, by bytes; what all are compared with is left out. */
    static Map<String, List<QualityResult>> curves(List<QualityResult> results, int context) {
        Map<String, List<QualityResult>> curves = new LinkedHashMap<>();
        results.stream()
                .filter(result -> result.context() == context && !isReference(result))
                .sorted(Comparator.comparingDouble(QualityResult::bytesShare))
                .forEach(
                        result ->
                                curves.computeIfAbsent(name(result), name -> new ArrayList<>())
                                        .add(result));
        return curves;
    }

    /** The full cache, unless its values are of a type that loses something. */
    private static boolean isReference(QualityResult result) {
        return result.retention().equals(Retention.FULL) && result.divergence() < LEAST_DIVERGENCE;
    }

    private static String name(QualityResult result) {
        String policy = result.retention().policy();
        boolean takesBoth =
                result.retention().takes(RetentionOption.KEEP)
                        && result.retention().takes(RetentionOption.RECOVERY);
        if (!takesBoth) {
            return policy;
        }
        double keep = Double.parseDouble(result.retention().options().get(RetentionOption.KEEP));
        return policy + (keep > 0 ? ", share" : ", T");
    }
}
