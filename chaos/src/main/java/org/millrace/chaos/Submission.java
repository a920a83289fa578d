// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;

/** A way to bring the generation job onto a cluster. */
interface Submission {
    /**
     * Returns when the JobManager has accepted the job.
     *
     * @param config all options of the job, among them the savepoint that it goes on from
     * @throws java.io.IOException with the reason if it is refused
     */
    JobID submit(Configuration config) throws Exception;
}
