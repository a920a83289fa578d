// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** A progress bar on standard error, where that is a terminal; the launcher knows. */
final class Progress implements AutoCloseable {
    private static final boolean IS_TERMINAL = Boolean.getBoolean("millrace.terminal");
    private static final int SHORT_WORK = 512;

    private final ProgressBar bar;

    private Progress(ProgressBar bar) {
        this.bar = bar;
    }

    /** Work of {@code total} units; what is done in a moment gets no bar. */
    static Progress start(String task, long total) {
        return total <= SHORT_WORK ? new Progress(null) : startLong(task, total);
    }

    /** Work of which each unit takes more than a moment. */
    static Progress startLong(String task, long total) {
        if (!IS_TERMINAL) {
            return new Progress(null);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setTaskName(task)
                        .setInitialMax(total)
                        .setUpdateIntervalMillis(200)
                        .clearDisplayOnFinish()
                        .build());
    }

    void stepTo(long done) {
        if (bar != null) {
            bar.stepTo(done);
        }
    }

    void stepBy(long done) {
        if (bar != null) {
            bar.stepBy(done);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
