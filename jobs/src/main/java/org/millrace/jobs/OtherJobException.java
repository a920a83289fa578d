// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;

/** Another job answers the same prompts into the same topics. */
public final class OtherJobException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param group that the two would share
     * @param job of the other, its id in Flink
     * @param host where its 'send once' runs, as the broker knows it
     */
    OtherJobException(String group, String job, String host) {
        super(
                "job="
                        + job
                        + " on host="
                        + host
                        + " runs already and answers the same prompts (consumer group "
                        + group
                        + "): every answer would come twice. Stop or cancel that job first; for the"
                        + " same answers a second time set another completions topic, or another"
                        + " pipeline.name");
    }
}
