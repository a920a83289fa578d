// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.millrace.engine.kernels.cuda.CudaDriver.check;

import java.util.EnumMap;
import java.util.Map;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.millrace.engine.kernels.DeviceUsage.Work;

/**
 * Device time by kind of work, between events that are recorded where work begins, where its kind
 * changes, and where the host waits for it. Used under the lock of {@link CudaDevice}.
 */
final class DeviceClock implements AutoCloseable {
    private static final int MAX_PARTS = 8;

    private final CUstream stream;

    /** Begin of each part of what was queued since the host waited last, then its end. */
    private final CUevent[] events = new CUevent[MAX_PARTS + 1];

    private final Work[] parts = new Work[MAX_PARTS];
    private final Map<Work, Long> nanos = new EnumMap<>(Work.class);
    private Work work = Work.OTHER;
    private int numParts;

    DeviceClock(CUstream stream) {
        this.stream = stream;
        for (Work kind : Work.values()) {
            nanos.put(kind, 0L);
        }
        for (int i = 0; i < events.length; i++) {
            events[i] = new CUevent();
            check(JCudaDriver.cuEventCreate(events[i], 0), "make an event");
        }
    }

    /** What is queued from here on is of this kind. */
    void set(Work kind) {
        work = kind;
    }

    /** To be called before something is queued. Parts that are too many count to the one before. */
    void queue() {
        if (numParts < MAX_PARTS && (numParts == 0 || parts[numParts - 1] != work)) {
            record(numParts);
            parts[numParts++] = work;
        }
    }

    /** To be called before the host waits. */
    void stop() {
        if (numParts > 0) {
            record(numParts);
        }
    }

    private void record(int event) {
        check(JCudaDriver.cuEventRecord(events[event], stream), "record an event");
    }

    /** To be called after the host waited. */
    void settle() {
        float[] millis = new float[1];
        for (int i = 0; i < numParts; i++) {
            check(
                    JCudaDriver.cuEventElapsedTime(millis, events[i], events[i + 1]),
                    "read an event");
            nanos.merge(parts[i], (long) (1e6 * millis[0]), Long::sum);
        }
        numParts = 0;
    }

    /** Time of what the host waited for, from the start. */
    Map<Work, Long> nanos() {
        return nanos;
    }

    @Override
    public void close() {
        for (CUevent event : events) {
            JCudaDriver.cuEventDestroy(event);
        }
    }
}
