// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import java.util.Comparator;
import java.util.List;
import org.apache.flink.api.common.externalresource.ExternalResourceInfo;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.KernelProviders;

/**
 * Which GPU a subtask runs on, where the option does not say: one of Flink's external resource
 * {@code gpu} if that is configured, otherwise one of all that the driver sees; subtasks take them
 * in turn.
 */
public final class DeviceChoice {
    /** As in {@code external-resources: gpu}. */
    private static final String RESOURCE = "gpu";

    /** What Flink's GPU driver calls the device's number. */
    private static final String INDEX = "index";

    private DeviceChoice() {}

    /** {@code options} with {@code cuda:N} in the place of {@code cuda}, or of {@code auto}. */
    public static ModelOptions of(ModelOptions options, RuntimeContext context) {
        String provider = options.provider();
        if (!provider.equals("cuda") && !provider.equals("auto")) {
            return options;
        }
        int gpus = KernelProviders.gpus(provider);
        if (gpus == 0) {
            // auto goes on without; cuda fails by name when it is looked up.
            return options;
        }
        int subtask = context.getTaskInfo().getIndexOfThisSubtask();
        List<String> assigned =
                context.getExternalResourceInfos(RESOURCE).stream()
                        .map(DeviceChoice::index)
                        .sorted(Comparator.comparing(Integer::valueOf))
                        .toList();
        String device =
                assigned.isEmpty()
                        ? Integer.toString(subtask % gpus)
                        : assigned.get(subtask % assigned.size());
        return new ModelOptions(
                options.kvType(), options.activations(), "cuda:" + device, options.threads());
    }

    private static String index(ExternalResourceInfo gpu) {
        return gpu.getProperty(INDEX)
                .orElseThrow(
                        () ->
                                new IllegalStateException(
                                        "external resource gpu has no property index: properties="
                                                + gpu.getKeys()));
    }
}
