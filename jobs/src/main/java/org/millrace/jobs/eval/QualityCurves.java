package org.millrace.jobs.eval;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.millrace.engine.kvcache.policy.RetentionOption;

/**
 * Quality against bytes as a picture: a chart for each length of context, a curve for each policy
 * over its budgets, divergence on a logarithmic axis. Where a policy takes a share as well as T,
 * each is a curve.
 */
public final class QualityCurves {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 600;

    /** Below this, only rounding is left. */
    private static final double LEAST_DIVERGENCE = 1e-5;

    private QualityCurves() {}

    /** Writes a PNG; its name must end so. */
    public static void write(List<QualityResult> results, Path file) throws IOException {
        List<XYChart> charts = new ArrayList<>();
        results.stream()
                .mapToInt(QualityResult::context)
                .distinct()
                .sorted()
                .forEach(context -> charts.add(chart(results, context)));
        try {
            BitmapEncoder.saveBitmap(charts, charts.size(), 1, file.toString(), BitmapFormat.PNG);
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private static XYChart chart(List<QualityResult> results, int context) {
        XYChart chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .title("Context of " + context + " tokens")
                        .xAxisTitle("bytes after the context, % of the full cache")
                        .yAxisTitle("KL(full || compressed), mean, nats")
                        .build();
        chart.getStyler()
                .setYAxisLogarithmic(true)
                .setLegendPosition(LegendPosition.OutsideE)
                .setChartBackgroundColor(Color.WHITE);
        curves(results, context).forEach((name, curve) -> add(chart, name, curve));
        return chart;
    }

    private static void add(XYChart chart, String name, List<QualityResult> curve) {
        double[] x = curve.stream().mapToDouble(result -> 100 * result.bytesShare()).toArray();
        double[] y =
                curve.stream()
                        .mapToDouble(result -> Math.max(LEAST_DIVERGENCE, result.divergence()))
                        .toArray();
        chart.addSeries(name, x, y);
    }

    /** Points of each curve, by bytes; the full cache, which has no divergence, is left out. */
    static Map<String, List<QualityResult>> curves(List<QualityResult> results, int context) {
        Map<String, List<QualityResult>> curves = new LinkedHashMap<>();
        results.stream()
                .filter(result -> result.context() == context && !isFull(result))
                .sorted(Comparator.comparingDouble(QualityResult::bytesShare))
                .forEach(
                        result ->
                                curves.computeIfAbsent(name(result), name -> new ArrayList<>())
                                        .add(result));
        return curves;
    }

    private static boolean isFull(QualityResult result) {
        return result.retention().policy().equals("full");
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
