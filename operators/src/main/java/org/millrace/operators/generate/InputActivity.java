// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells whether input waits to be taken in. Flink knows, but says so only in an internal class;
 * with another executor than that, whether records came since the last question has to do, which
 * overlooks barriers.
 */
final class InputActivity {
    private static final Logger LOG = LoggerFactory.getLogger(InputActivity.class);

    private final MailboxExecutorImpl internal;
    private boolean recordsCame;

    InputActivity(MailboxExecutor mailbox) {
        internal = mailbox instanceof MailboxExecutorImpl impl ? impl : null;
        if (internal == null) {
            LOG.info(
                    "{} does not tell whether input waits; aligned barriers may take longer",
                    mailbox.getClass().getName());
        }
    }

    /** Called for each record. */
    void recordCame() {
        recordsCame = true;
    }

    /** Whether there is no input to take in. Called from a mail. */
    boolean isQuiet() {
        if (internal != null) {
            return internal.isIdle();
        }
        boolean quiet = !recordsCame;
        recordsCame = false;
        return quiet;
    }
}
