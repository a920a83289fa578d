// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/** The prompts topic is not the one that the checkpoint's offsets are of. A restart cannot help. */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
public final class TopicChangedException extends IOException {
    private static final long serialVersionUID = 1L;

    TopicChangedException(String topic, String id, String checkpointed) {
        super(
                "topic="
                        + topic
                        + " was deleted and made anew, or is of another cluster: its id="
                        + id
                        + ", in the checkpoint id="
                        + checkpointed
                        + ". Prompts below the checkpoint's offsets would not be read; set "
                        + MillraceOptions.ALLOW_TOPIC_CHANGE.key()
                        + "=true to go on without them, or start without the checkpoint");
    }
}
