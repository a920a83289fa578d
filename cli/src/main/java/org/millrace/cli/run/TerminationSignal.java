// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;

/**
 * SIGTERM and SIGINT as something to wait for; the second one ends the process at once. A shutdown
 * hook would not do: Flink's and RocksDB's own hooks run beside it and take away what a savepoint
 * needs.
 */
final class TerminationSignal {
    /** As a shell counts an end by SIGINT. */
    private static final int EXIT_CODE = 130;

    private final CountDownLatch received = new CountDownLatch(1);

    /** Takes the signals over from the JVM, which then no longer ends by them. */
    static TerminationSignal install() {
        TerminationSignal signal = new TerminationSignal();
        signal.handle("TERM");
        signal.handle("INT");
        return signal;
    }

    boolean isReceived() {
        return received.getCount() == 0;
    }

    private void receive() {
        if (isReceived()) {
            System.err.println("millrace: ended at once; the last checkpoint is what is left");
            Runtime.getRuntime().halt(EXIT_CODE);
        }
        received.countDown();
    }

    /**
     * By reflection: the compiler refuses {@code sun.misc.Signal} under -Werror, and Java has no
     * other way.
     */
    private void handle(String name) {
        try {
            Class<?> signalClass = Class.forName("sun.misc.Signal");
            Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
            Object handler =
                    Proxy.newProxyInstance(
                            handlerClass.getClassLoader(),
                            new Class<?>[] {handlerClass},
                            (proxy, method, arguments) -> {
                                receive();
                                return null;
                            });
            Object signal = signalClass.getConstructor(String.class).newInstance(name);
            signalClass
                    .getMethod("handle", signalClass, handlerClass)
                    .invoke(null, signal, handler);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot handle SIG" + name, e);
        }
    }
}
