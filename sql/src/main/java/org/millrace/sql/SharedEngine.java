// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.millrace.engine.Model;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.model.ModelLocation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One model, one page pool and the thread that runs its steps, shared by all functions of a process
 * that ask for the same. The first {@link Lease} opens it, the last one that is closed frees it.
 *
 * <p>The model, the generator and the batch belong to the thread; what other threads want of them
 * is a task for it. A round of the batch is a task, too, which puts the next one at the end of the
 * line: rows come in between two steps.
 */
final class SharedEngine {
    private static final Logger LOG = LoggerFactory.getLogger(SharedEngine.class);

    /** Where models of remote file systems are fetched to. A function is not told Flink's own. */
    private static final Path FETCHED =
            Path.of(System.getProperty("java.io.tmpdir"), "millrace-models");

    private static final Map<EngineOptions, SharedEngine> OPEN = new HashMap<>();

    private final EngineOptions options;
    private final ExecutorService thread;
    private final CompletableFuture<Void> started;
    private final Resources owned = new Resources();

    /** Set on the thread before {@link #started} is completed. */
    private Model model;

    private int maxRowTokens;
    private RowBatch batch;
    private boolean roundPending;

    /** Completed exceptionally by what broke the engine, never otherwise. */
    private final CompletableFuture<Void> broken = new CompletableFuture<>();

    /** Written by the thread alone. */
    private volatile long steps;

    private volatile long answeredRows;

    /** Leases that are not closed; guarded by {@link #OPEN}. */
    private int leases;

    private SharedEngine(EngineOptions options) {
        this.options = options;
        this.thread = Executors.newSingleThreadExecutor(SharedEngine::newThread);
        this.started = CompletableFuture.runAsync(this::start, thread);
    }

    private static Thread newThread(Runnable rounds) {
        Thread thread = new Thread(rounds, "millrace-sql-engine");
        thread.setDaemon(true);
        // Not that of the job that happens to be the first to ask for it.
        thread.setContextClassLoader(SharedEngine.class.getClassLoader());
        return thread;
    }

    /**
     * The engine of these options, opened if there is none. Blocks while its model is loaded.
     *
     * @throws ExecutionException if it cannot be opened
     */
    static Lease lease(EngineOptions options) throws ExecutionException, InterruptedException {
        Lease lease;
        synchronized (OPEN) {
            SharedEngine engine = OPEN.get(options);
            if (engine == null || engine.broken.isDone()) {
                engine = new SharedEngine(options);
                OPEN.put(options, engine);
            }
            engine.leases++;
            lease = engine.new Lease();
        }
        try {
            lease.engine().started.get();
            return lease;
        } catch (ExecutionException | InterruptedException e) {
            lease.close();
            throw e;
        }
    }

    private void start() {
        try {
            Path path = ModelLocation.resolve(options.model(), FETCHED);
            model = owned.add(Model.open(path, options.modelOptions()));
            Generator generator = owned.add(new Generator(model, options.generatorOptions()));
            maxRowTokens = generator.maxSessionTokens();
            batch = new RowBatch(generator, model.spec().contextLength());
            LOG.info("Opened an engine: {}", options);
        } catch (Throwable e) {
            broken.completeExceptionally(e);
            throw new CompletionException(e);
        }
    }

    /** The model; valid while a lease is. */
    Model model() {
        return model;
    }

    /** Most tokens of one row, prompt and answer, that the page pool could hold. */
    int maxRowTokens() {
        return maxRowTokens;
    }

    /** Steps since the start. */
    long steps() {
        return steps;
    }

    /** Rows answered since the start. */
    long answeredRows() {
        return answeredRows;
    }

    private void accept(Row row) {
        if (broken.isDone()) {
            broken.whenComplete((none, cause) -> row.answer().completeExceptionally(cause));
            return;
        }
        batch.add(row);
        requestRound();
    }

    private void requestRound() {
        if (!roundPending && !batch.isEmpty()) {
            roundPending = true;
            thread.execute(this::round);
        }
    }

    private void round() {
        roundPending = false;
        if (batch.isEmpty()) {
            return;
        }
        try {
            int answered = batch.step();
            steps++;
            answeredRows += answered;
        } catch (Throwable e) {
            broken.completeExceptionally(e);
            batch.fail(e);
        }
        requestRound();
    }

    private void cancel(Lease lease) {
        if (batch != null) {
            batch.cancel(lease);
        }
    }

    /** The last task. A round that waits behind it has nothing to do. */
    private void stop() {
        try {
            owned.close();
            LOG.info("Closed an engine: steps={}, answeredRows={}", steps, answeredRows);
        } finally {
            thread.shutdownNow();
        }
    }

    /** One function's share of an engine. Thread safe. */
    final class Lease implements AutoCloseable {
        private boolean closed;

        private Lease() {}

        SharedEngine engine() {
            return SharedEngine.this;
        }

        /**
         * Takes a row into the line.
         *
         * @param prompt tokens, as {@link PromptEncoder} lets them pass
         * @return completed on the engine's thread; exceptionally if a step fails, cancelled if the
         *     lease is closed before
         */
        CompletableFuture<Answer> generate(
                int[] prompt, GenerationParams params, Retention retention) {
            CompletableFuture<Answer> answer = new CompletableFuture<>();
            thread.execute(() -> accept(new Row(prompt, params, retention, this, answer)));
            return answer;
        }

        /** Drops the lease's rows. Returns when they no longer run; a step is waited for. */
        @Override
        public void close() {
            CompletableFuture<Void> done;
            // Tasks are given to the thread in the lock: the last lease's stop comes after the
            // others' cancels, which it would drop.
            synchronized (OPEN) {
                if (closed) {
                    return;
                }
                closed = true;
                done = CompletableFuture.runAsync(() -> cancel(this), thread);
                if (--leases == 0) {
                    OPEN.remove(options, SharedEngine.this);
                    done = CompletableFuture.runAsync(SharedEngine.this::stop, thread);
                }
            }
            // Unlike get, join goes on waiting when the task is interrupted, as it is on a cancel.
            done.join();
        }
    }
}
