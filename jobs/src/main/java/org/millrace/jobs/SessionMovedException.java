// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/** A session has prompts in two partitions. A restart would meet the same record again. */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
public final class SessionMovedException extends IOException {
    private static final long serialVersionUID = 1L;

    SessionMovedException(String session, Origin prompt, int before) {
        super(message(session, prompt, before));
    }

    static String message(String session, Origin prompt, int before) {
        return "session="
                + session
                + " has a prompt at "
                + prompt.topic()
                + "/"
                + prompt.partition()
                + "/"
                + prompt.offset()
                + " after others in partition="
                + before
                + ": turns of two partitions have no order. Let all producers choose partitions alike"
                + " (murmur2 of the key, as Java's clients do; partitioner=murmur2_random in librdkafka)";
    }
}
