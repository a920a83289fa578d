// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import org.apache.flink.api.common.JobID;
import org.apache.flink.client.program.rest.RestClusterClient;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.millrace.jobs.GenerationJob;

/** Submits from this JVM, to processes that have the job's classes already. */
final class ClientSubmission implements Submission {
    private final Configuration clusterConfig;

    /**
     * @param clusterConfig copied
     */
    ClientSubmission(Configuration clusterConfig) {
        this.clusterConfig = new Configuration(clusterConfig);
        // The client asks the JobManager's address itself, not ZooKeeper for it.
        this.clusterConfig.set(HighAvailabilityOptions.HA_MODE, "none");
    }

    @Override
    public JobID submit(Configuration config) throws Exception {
        // As flink run does it: what the cluster is configured with is the job's, too.
        Configuration all = new Configuration(clusterConfig);
        all.addAll(config);
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(all);
        GenerationJob.build(env);
        try (RestClusterClient<String> client = new RestClusterClient<>(clusterConfig, "chaos")) {
            return client.submitJob(env.getStreamGraph().getJobGraph()).get();
        } catch (ExecutionException e) {
            throw new IOException("the job was not accepted: " + e.getCause().getMessage(), e);
        }
    }
}
