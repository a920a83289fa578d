// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.List;
import org.millrace.operators.PermanentFailureException;

/** Kafka does not let the job do what it has to. A restart would be refused as well. */
public final class NotAllowedException extends PermanentFailureException {
    private static final long serialVersionUID = 1L;

    /**
     * @param missing permissions, such as {@code topic=prompts operation=Read}
     */
    NotAllowedException(List<String> missing, Throwable cause) {
        super(
                "Kafka's ACLs do not allow the job's principal "
                        + String.join("; ", missing)
                        + ". Add these ACLs, or name another principal in the Kafka properties file",
                cause);
    }
}
