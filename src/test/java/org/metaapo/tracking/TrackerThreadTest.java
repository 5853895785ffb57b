package org.metaapo.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A tracker that is slow, fails or hangs neither slows nor stops a run, and what is lost is counted and said once. */
@Timeout(20)
class TrackerThreadTest {
    private final Queue<String> notes = new ConcurrentLinkedQueue<>();
    private final List<String> calls = new ArrayList<>();

    private class Recorder implements Tracker {
        @Override
        public void start(RunInfo run, long resumedAtStep) throws Exception {
            record("start " + resumedAtStep);
        }

        @Override
        public void log(long step, double time, Map<String, Double> values) throws Exception {
            record("log " + step);
        }

        @Override
        public void flush() throws Exception {
            record("flush");
        }

        @Override
        public void end(Status status) throws Exception {
            record("end " + status);
        }

        void record(String call) throws Exception {
            synchronized (calls) {
                calls.add(call);
            }
        }
    }

    private TrackerThread thread(Tracker tracker) {
        return new TrackerThread("mine", () -> tracker, null, new RunInfo("run", Path.of("run"), Map.of()), -1, null, notes);
    }

    private static TrackedLine line(long step) {
        return new TrackedLine(step, 1, Map.of("train/loss", 0.5), null);
    }

    private static void end(TrackerThread thread, long millis) throws InterruptedException {
        thread.end(Tracker.Status.FINISHED, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
        thread.await();
    }

    @Test
    void callsComeInOrderAndNothingIsSaidWhereNothingIsLost() throws InterruptedException {
        TrackerThread thread = thread(new Recorder());
        for (int step = 1; step <= 3; step++) {
            thread.offer(line(step));
        }
        end(thread, 10_000);
        assertThat(calls).containsExactly("start -1", "log 1", "log 2", "log 3", "flush", "end FINISHED");
        assertThat(notes).isEmpty();
    }

    @Test
    void aCheckpointFlushesSoon() throws InterruptedException {
        CountDownLatch flushed = new CountDownLatch(1);
        TrackerThread thread = thread(new Recorder() {
            @Override
            public void flush() {
                flushed.countDown();
            }
        });
        thread.offer(line(1));
        thread.wantFlush();
        assertThat(flushed.await(3, TimeUnit.SECONDS)).isTrue();
        end(thread, 10_000);
    }

    @Test
    void aStartAndAFlushThatFailAreTriedAgain() throws InterruptedException {
        TrackerThread thread = thread(new Recorder() {
            @Override
            void record(String call) throws Exception {
                super.record(call);
                if (calls.stream().filter(call::equals).count() < 2 && !call.startsWith("log")) {
                    throw new BusyException("come back", 0);
                }
            }
        });
        thread.offer(line(1));
        TimeUnit.MILLISECONDS.sleep(1300);
        end(thread, 10_000);
        assertThat(calls).containsExactly("start -1", "start -1", "log 1", "flush", "flush", "end FINISHED", "end FINISHED");
        assertThat(notes).containsExactly("tracker mine: come back; the run goes on, and it is tried again");
    }

    @Test
    void linesThatItsClassRefusesAreCountedAndSaidOnce() throws InterruptedException {
        TrackerThread thread = thread(new Recorder() {
            @Override
            public void log(long step, double time, Map<String, Double> values) {
                if (step % 2 == 0) {
                    throw new NoClassDefFoundError("org/other/Missing");
                }
            }
        });
        for (int step = 1; step <= 9; step++) {
            thread.offer(line(step));
        }
        end(thread, 10_000);
        assertThat(notes).containsExactly(
                "tracker mine: org/other/Missing; the run goes on",
                "tracker mine: 4 of 9 lines did not arrive (org/other/Missing); metaapo export run --tracker 'mine' sends them");
    }

    @Test
    void aRefusalIsFinal() throws InterruptedException {
        TrackerThread thread = thread(new Recorder() {
            @Override
            public void start(RunInfo run, long resumedAtStep) throws RefusedException {
                throw new RefusedException("wrong token");
            }
        });
        for (int step = 1; step <= 5; step++) {
            thread.offer(line(step));
        }
        end(thread, 10_000);
        assertThat(notes).containsExactly("tracker mine: wrong token; the run goes on",
                "tracker mine: 5 of 5 lines did not arrive (wrong token); metaapo export run --tracker 'mine' sends them");
    }

    @Test
    void oneThatHangsHoldsNothingUp() throws InterruptedException {
        TrackerThread thread = thread(new Recorder() {
            @Override
            public void log(long step, double time, Map<String, Double> values) throws InterruptedException {
                TimeUnit.MINUTES.sleep(5);
            }
        });
        long start = System.nanoTime();
        int lines = TrackerThread.CAPACITY + 1000;
        for (int step = 1; step <= lines; step++) {
            thread.offer(line(step));
        }
        end(thread, 300);
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(3));
        assertThat(notes).singleElement().asString().startsWith("tracker mine: " + lines + " of " + lines + " lines did not arrive (it was not done in time)");
    }

    @Test
    void oneWhoseConstructorThrowsIsToldOf() throws InterruptedException {
        TrackerThread thread = new TrackerThread("mine", () -> {
            throw new IllegalStateException("no\nway");
        }, null, new RunInfo("run", Path.of("run"), Map.of()), -1, null, notes);
        thread.offer(line(1));
        end(thread, 10_000);
        assertThat(notes).hasSize(2).first().asString().isEqualTo("tracker mine: no way; the run goes on");
    }
}
