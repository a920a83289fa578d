// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;

/**
 * Keeps models open from one attempt of a task to the next, so that a restart does not load the
 * weights again, and has the memory of the page pool before it. Flink's hook for the end of the
 * user code's class loader frees them.
 */
public final class SharedModel {
    private static final String HOOK = "millrace-models";

    private record Key(Path path, ModelOptions options) {}

    private static final Map<Key, Model> KEPT = new HashMap<>();

    private SharedModel() {}

    /** Opens a model; the caller closes it. */
    public static Model open(Path path, ModelOptions options, RuntimeContext context) {
        context.registerUserCodeClassLoaderReleaseHookIfAbsent(HOOK, SharedModel::release);
        Model model = Model.open(path, options);
        synchronized (KEPT) {
            Model before = KEPT.put(new Key(path, options), Model.open(path, options));
            if (before != null) {
                before.close();
            }
        }
        return model;
    }

    private static void release() {
        synchronized (KEPT) {
            KEPT.values().forEach(Model::close);
            KEPT.clear();
        }
        collectClasses();
    }

    /**
     * Helps the JVM to unload the classes of jobs that were there before. The tokenizer library has
     * finalizers: its classes go with the second collection after a job's end, and the JVM that
     * comes to the limit of its metaspace does not wait for finalizers, it runs out of memory.
     */
    private static void collectClasses() {
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            MemoryUsage usage = pool.getUsage();
            if (pool.getName().equals("Metaspace")
                    && usage.getMax() > 0
                    && usage.getUsed() > usage.getMax() / 2) {
                System.gc();
            }
        }
    }
}
