// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kvcache.policy.Retention;

class QualityCurvesTest {
    private static QualityResult result(String retention, int context, double bytes) {
        Statistics.Interval none = new Statistics.Interval(0, 0);
        return new QualityResult(
                Retention.parse(retention),
                context,
                1,
                0,
                bytes,
                bytes,
                0,
                3,
                0,
                none,
                0,
                0,
                0,
                0,
                1);
    }

    @Test
    void whatAllAreComparedWithHasNoPicture() throws IOException {
        Evaluation.Setting setting =
                new Evaluation.Setting("", "", "", "", "", "f16", "f16", "f32", List.of(), 8, 1);
        QualityResult full = result("full", 512, 1);
        QualityResult half = result("kvzip keep=0.5", 512, 0.5);
        assertThat(QualityCurves.draw(evaluation(setting, full))).isEmpty();
        List<byte[]> pictures = QualityCurves.draw(evaluation(setting, full, half));
        assertThat(pictures).hasSize(2);
        for (byte[] picture : pictures) {
            assertThat(ImageIO.read(new ByteArrayInputStream(picture)).getWidth()).isEqualTo(900);
        }
    }

    private static Evaluation evaluation(Evaluation.Setting setting, QualityResult... results) {
        return new Evaluation(
                setting, List.of(results), List.of(), List.of(), List.of(), List.of());
    }

    @Test
    void curvesGoByBytesOfOneLength() {
        Map<String, List<QualityResult>> curves =
                QualityCurves.curves(
                        List.of(
                                result("full", 512, 1),
                                result("kvzip keep=0.5", 512, 0.5),
                                result("kvzip keep=0.25", 512, 0.3),
                                result("kvzip keep=0.25", 1024, 0.3),
                                result("fastgen keep=0.5", 512, 0.5),
                                result("fastgen recovery=0.9", 512, 0.6)),
                        512);
        assertThat(curves.keySet()).containsExactly("kvzip", "fastgen, share", "fastgen, T");
        assertThat(curves.get("kvzip"))
                .extracting(QualityResult::bytesShare)
                .containsExactly(0.3, 0.5);
    }
}
