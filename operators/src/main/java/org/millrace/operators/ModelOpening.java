package org.millrace.operators;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.millrace.engine.Model;

/**
 * Opens an operator's model in a thread of its own, while the state backend reads what it restores.
 * Owns the model.
 */
final class ModelOpening implements AutoCloseable {
    private final FutureTask<Model> opening;
    private final Thread thread;

    ModelOpening(Callable<Model> opening, String threadName) {
        this.opening = new FutureTask<>(opening);
        this.thread = new Thread(this.opening, threadName);
        thread.setDaemon(true);
        thread.start();
    }

    /** The model; waits for it. */
    Model await() throws Exception {
        try {
            return opening.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (Exception) e.getCause();
        }
    }

    /**
     * Closes the model, or ends its opening. Waits for that even if it is interrupted: nothing may
     * be opened once the operator is closed.
     */
    @Override
    public void close() {
        thread.interrupt();
        boolean isInterrupted = false;
        while (true) {
            try {
                opening.get().close();
                break;
            } catch (ExecutionException e) {
                // It was never open. Whoever waited for it was told why.
                break;
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
