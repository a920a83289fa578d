// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

@Timeout(60)
class SharedEngineTest {
    private static final int ROWS = 8;

    private static EngineOptions options(Path model, long poolBytes) {
        return options(model.toString(), poolBytes);
    }

    private static EngineOptions options(String model, long poolBytes) {
        return new EngineOptions(
                model,
                new ModelOptions(KvType.INT8, ActivationType.INT8, "reference", 1),
                new GeneratorOptions(poolBytes, 64, ROWS));
    }

    private static EngineOptions options() {
        return options(TinyModel.path(), 8 << 20);
    }

    private static CompletableFuture<Answer> generate(SharedEngine.Lease lease, int maxTokens) {
        return lease.generate(
                new int[] {5, 6, 7}, GenerationParams.greedy(maxTokens), Retention.FULL);
    }

    private static long engineThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("millrace-sql-engine"))
                .count();
    }

    private static void awaitNoThreads() throws InterruptedException {
        while (engineThreads() > 0) {
            Thread.sleep(1);
        }
    }

    @Test
    void leasesOfEqualOptionsShareAnEngineUntilTheLastIsClosed() throws Exception {
        SharedEngine.Lease first = SharedEngine.lease(options());
        SharedEngine.Lease second = SharedEngine.lease(options());
        SharedEngine.Lease other = SharedEngine.lease(options(TinyModel.path(), 4 << 20));
        assertThat(second.engine()).isSameAs(first.engine());
        assertThat(other.engine()).isNotSameAs(first.engine());

        first.close();
        first.close();
        assertThat(generate(second, 2).get()).isInstanceOf(Answer.Generated.class);
        second.close();
        other.close();
        awaitNoThreads();

        try (SharedEngine.Lease third = SharedEngine.lease(options())) {
            assertThat(third.engine()).isNotSameAs(first.engine());
        }
    }

    @Test
    void rowsOfAllLeasesAreInOneBatch() throws Exception {
        try (SharedEngine.Lease first = SharedEngine.lease(options());
                SharedEngine.Lease second = SharedEngine.lease(options())) {
            List<CompletableFuture<Answer>> answers = new ArrayList<>();
            for (int i = 0; i < ROWS / 2; i++) {
                answers.add(generate(first, 100));
                answers.add(generate(second, 100));
            }
            int tokens = 0;
            for (CompletableFuture<Answer> answer : answers) {
                tokens += ((Answer.Generated) answer.get()).generatedTokens();
            }
            assertThat(tokens).isEqualTo(ROWS * 100);
            // One by one it would be a step for each token.
            assertThat(first.engine().steps()).isLessThan(2 * 100);
        }
    }

    @Test
    void moreRowsThanThePoolHoldsWaitForTheirTurn() throws Exception {
        try (SharedEngine.Lease lease = SharedEngine.lease(options(TinyModel.path(), 1 << 20))) {
            int tokens = lease.engine().maxRowTokens() / 2;
            List<CompletableFuture<Answer>> answers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                answers.add(generate(lease, Math.min(tokens, 200)));
            }
            for (CompletableFuture<Answer> answer : answers) {
                assertThat(answer.get()).isInstanceOf(Answer.Generated.class);
            }
        }
    }

    @Test
    void aFailedStepFailsAllRowsAndTheNextLeaseOpensAnotherEngine() throws Exception {
        SharedEngine.Lease lease = SharedEngine.lease(options());
        CompletableFuture<Answer> good = generate(lease, 400);
        int[] noSuchToken = {Integer.MAX_VALUE};
        CompletableFuture<Answer> bad =
                lease.generate(noSuchToken, GenerationParams.greedy(2), Retention.FULL);
        assertThatThrownBy(bad::get).isInstanceOf(ExecutionException.class);
        assertThatThrownBy(good::get).isInstanceOf(ExecutionException.class);
        assertThatThrownBy(() -> generate(lease, 2).get()).isInstanceOf(ExecutionException.class);

        try (SharedEngine.Lease next = SharedEngine.lease(options())) {
            assertThat(next.engine()).isNotSameAs(lease.engine());
            lease.close();
            assertThat(generate(next, 2).get()).isInstanceOf(Answer.Generated.class);
            try (SharedEngine.Lease another = SharedEngine.lease(options())) {
                assertThat(another.engine()).isSameAs(next.engine());
            }
        }
        awaitNoThreads();
    }

    @Test
    void aClosedLeaseDropsItsRowsAndNoOthers() throws Exception {
        try (SharedEngine.Lease stays = SharedEngine.lease(options())) {
            SharedEngine.Lease goes = SharedEngine.lease(options());
            List<CompletableFuture<Answer>> dropped = new ArrayList<>();
            for (int i = 0; i < 2 * ROWS; i++) {
                dropped.add(generate(goes, 500));
            }
            CompletableFuture<Answer> kept = generate(stays, 20);
            goes.close();
            for (CompletableFuture<Answer> answer : dropped) {
                assertThatThrownBy(answer::get).isInstanceOf(CancellationException.class);
            }
            assertThat(kept.get(30, TimeUnit.SECONDS)).isInstanceOf(Answer.Generated.class);
        }
    }

    /**
     * As the subtasks of a job do at its end. An engine that cannot be opened lets all leases go at
     * once, and costs little to try again.
     */
    @Test
    void leasesThatEndAtTheSameTimeAllReturn() throws Exception {
        EngineOptions missing = options(Path.of("/no/such/model.gguf"), 1 << 20);
        int subtasks = 8;
        ExecutorService threads = Executors.newFixedThreadPool(subtasks);
        try {
            List<Future<?>> ends = new ArrayList<>();
            for (int i = 0; i < subtasks; i++) {
                ends.add(threads.submit(() -> failToLease(missing, 1000)));
            }
            for (Future<?> end : ends) {
                end.get(30, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        awaitNoThreads();
    }

    private static void failToLease(EngineOptions missing, int times) {
        for (int i = 0; i < times; i++) {
            assertThatThrownBy(() -> SharedEngine.lease(missing))
                    .isInstanceOf(ExecutionException.class);
        }
    }

    @Test
    void anInterruptedTaskStillFreesTheEngine() throws Exception {
        SharedEngine.Lease lease = SharedEngine.lease(options());
        generate(lease, 500);
        Thread.currentThread().interrupt();
        lease.close();
        assertThat(Thread.interrupted()).isTrue();
        awaitNoThreads();
    }

    @Test
    void aModelThatCannotBeOpenedFailsTheLeaseAndLeavesNothing() throws Exception {
        EngineOptions missing = options(Path.of("/no/such/model.gguf"), 1 << 20);
        assertThatThrownBy(() -> SharedEngine.lease(missing))
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining("no model at /no/such/model.gguf");
        assertThatThrownBy(() -> SharedEngine.lease(options(TinyModel.path(), 1)))
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining("poolBytes=1");
        awaitNoThreads();
    }

    @Test
    void aModelIsAPathOrAUriAndMayHaveABlankInIt(@TempDir Path directory) throws Exception {
        Path model = Files.createDirectory(directory.resolve("a model"));
        try (Stream<Path> files = Files.list(TinyModel.path())) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        for (String location : List.of(model.toString(), "file://" + model)) {
            try (SharedEngine.Lease lease = SharedEngine.lease(options(location, 8 << 20))) {
                assertThat(generate(lease, 2).get()).isInstanceOf(Answer.Generated.class);
            }
        }
    }
}
