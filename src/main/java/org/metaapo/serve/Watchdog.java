package org.metaapo.serve;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends reads and writes of sockets that take too long: their thread is interrupted, which closes the connection that it waits for. The JDK's
 * server has no bound of its own: a client that stops reading would keep a thread for ever.
 */
final class Watchdog implements AutoCloseable {
    private static final long TICK_MILLIS = 200;

    private final Set<Guard> guards = ConcurrentHashMap.newKeySet();
    private final Thread thread = new Thread(this::watch, "watchdog");
    private volatile boolean closed;

    Watchdog() {
        thread.setDaemon(true);
        thread.start();
    }

    /** A piece of work of one thread; to be closed by it. */
    final class Guard implements AutoCloseable {
        private final Thread worker = Thread.currentThread();
        private final long deadline;
        private boolean over;

        private Guard(long millis) {
            deadline = System.nanoTime() + millis * 1_000_000;
        }

        private synchronized void check(long now) {
            if (!over && now - deadline > 0) {
                worker.interrupt();
            }
        }

        @Override
        public void close() {
            guards.remove(this);
            synchronized (this) {
                over = true;
            }
            // What it did is done: the thread has other work next.
            Thread.interrupted();
        }
    }

    /** Bounds what the present thread does until the guard is closed. */
    Guard limit(long millis) {
        Guard guard = new Guard(millis);
        guards.add(guard);
        return guard;
    }

    private void watch() {
        while (!closed) {
            long now = System.nanoTime();
            guards.forEach(guard -> guard.check(now));
            try {
                Thread.sleep(TICK_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
    }
}
