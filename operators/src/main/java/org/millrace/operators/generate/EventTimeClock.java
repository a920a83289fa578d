// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.TreeMap;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.millrace.operators.GenerationOptions.Watermarks;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.state.SessionQueue;

/**
 * Event time behind the operator: which watermark may go out while turns are unfinished. Watermarks
 * are in no checkpoint; what holds them is, with the queues.
 *
 * <p>While a turn is unfinished the output is active, even if the input is idle: an idle output
 * would let the watermark of others pass the turn.
 */
final class EventTimeClock {
    private final GenerationSettings.EventTime settings;
    private final Output<?> output;

    /** Unfinished turns by the timestamp of their prompt. */
    private final TreeMap<Long, Integer> unfinished = new TreeMap<>();

    private long inputMillis = Long.MIN_VALUE;
    private long emittedMillis = Long.MIN_VALUE;
    private WatermarkStatus inputStatus = WatermarkStatus.ACTIVE;
    private WatermarkStatus emittedStatus = WatermarkStatus.ACTIVE;

    EventTimeClock(GenerationSettings.EventTime settings, Output<?> output) {
        this.settings = settings;
        this.output = output;
    }

    /** Notes that a turn waits for its answer; {@code timestampMillis} as in Flink. */
    void began(long timestampMillis) {
        if (timestampMillis != SessionQueue.NO_TIMESTAMP) {
            unfinished.merge(timestampMillis, 1, Integer::sum);
            emitStatus();
        }
    }

    /** Notes that a turn has its answer, which was emitted before. */
    void ended(long timestampMillis) {
        if (timestampMillis != SessionQueue.NO_TIMESTAMP) {
            unfinished.computeIfPresent(timestampMillis, (t, n) -> n == 1 ? null : n - 1);
            emit();
            emitStatus();
        }
    }

    /** Whether an answer of that timestamp is behind the watermark that went out. */
    boolean isLate(long timestampMillis) {
        return timestampMillis != SessionQueue.NO_TIMESTAMP && timestampMillis <= emittedMillis;
    }

    /** Takes in a watermark. */
    void advance(Watermark watermark) {
        inputMillis = watermark.getTimestamp();
        emit();
    }

    /** Takes in that the input is idle, or active again. */
    void advance(WatermarkStatus status) {
        inputStatus = status;
        emitStatus();
    }

    private void emit() {
        long millis = Math.min(inputMillis, bound());
        if (millis > emittedMillis) {
            emittedMillis = millis;
            output.emitWatermark(new Watermark(millis));
        }
    }

    private long bound() {
        if (settings.watermarks() == Watermarks.PASS || unfinished.isEmpty()) {
            return Long.MAX_VALUE;
        }
        // A watermark t says that nothing of t or before comes any more.
        return unfinished.firstKey() - 1 + settings.allowedLatenessMillis();
    }

    private void emitStatus() {
        boolean isHeld = settings.watermarks() == Watermarks.HOLD && !unfinished.isEmpty();
        WatermarkStatus status = isHeld ? WatermarkStatus.ACTIVE : inputStatus;
        if (!status.equals(emittedStatus)) {
            emittedStatus = status;
            output.emitWatermarkStatus(status);
        }
    }
}
