// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** Shows how far a download is, where standard error is a terminal; the launcher knows. */
final class DownloadProgress {
    private static final boolean IS_TERMINAL = Boolean.getBoolean("millrace.terminal");

    private DownloadProgress() {}

    /** {@code in} with a bar for its {@code bytes}; -1 if their number is unknown. */
    static InputStream wrap(InputStream in, String name, long bytes) {
        if (!IS_TERMINAL) {
            return in;
        }
        return ProgressBar.wrap(
                in,
                new ProgressBarBuilder()
                        .setTaskName(name)
                        .setInitialMax(bytes)
                        .setUnit("MB", 1_000_000)
                        .setUpdateIntervalMillis(200)
                        .clearDisplayOnFinish());
    }

    /** Where pip's standard output goes, which is its own bar. */
    static Redirect ofPip() {
        return IS_TERMINAL ? Redirect.appendTo(Path.of("/dev/stderr").toFile()) : Redirect.DISCARD;
    }
}
