package org.metaapo.cli;

import java.util.List;
import java.util.function.Consumer;
import org.metaapo.files.Unfinished;
import org.metaapo.ranks.Launcher;
import org.metaapo.train.StopSignal;
import sun.misc.Signal;

/** Ctrl-C, SIGTERM, the end of the terminal, and SIGUSR1, which mpirun passes on and Slurm is asked to send. One that the parent had ignored, as nohup does, stays ignored. */
final class Signals {
    private static final List<String> NAMES = List.of("INT", "TERM", "HUP", "USR1");

    /** What a shell adds to the number of the signal that ended a process. */
    private static final int SIGNALLED = 128;

    /** Programs may send SIGUSR1 several times for one wish, as the kernel does for each thread of a parent that is lost. */
    private static final long ONE_WISH_NANOS = 1_000_000_000L;

    private Signals() {}

    /** From now on they end the process at once, and no file is left half written. */
    static void endAtOnce() {
        handle(Signals::end);
    }

    /** From now on they end the process at once, after {@code last}; Ctrl-C does {@code interrupt} instead, where that is not null. */
    static void handle(Runnable interrupt, Runnable last) {
        handle(signal -> {
            if (interrupt != null && signal.getName().equals("INT")) {
                interrupt.run();
            } else {
                last.run();
                end(signal);
            }
        });
    }

    /**
     * From now on the first one asks for a stop; a second one ends the process at once.
     *
     * @param told then, on standard error
     */
    static StopSignal askToStop(String told) {
        StopSignal stop = new StopSignal();
        long[] asked = new long[1];
        handle(signal -> {
            long now = System.nanoTime();
            if (!isEnd(signal) && stop.request()) {
                asked[0] = now;
                if (Launcher.isFirst(System.getenv())) {
                    System.err.println(told + "; once more ends at once");
                }
            } else if (!signal.getName().equals("USR1") || now - asked[0] > ONE_WISH_NANOS) {
                end(signal);
            }
        });
        return stop;
    }

    /** Has a handler hear them from now on. */
    static void handle(Consumer<Signal> handler) {
        NAMES.forEach(name -> Signal.handle(new Signal(name), handler::accept));
    }

    /** mpirun sends SIGTERM when another rank is lost, or it was told to end itself, and SIGKILL a second later. */
    private static boolean isEnd(Signal signal) {
        return isUnderMpirun() && signal.getName().equals("TERM");
    }

    private static boolean isUnderMpirun() {
        return System.getenv().containsKey("OMPI_COMM_WORLD_RANK");
    }

    private static void end(Signal signal) {
        Unfinished.end(() -> {
            // Else whoever has started the ranks tells of it, as Mpirun does.
            if (!isUnderMpirun() && Launcher.isFirst(System.getenv())) {
                System.err.println("metaapo: stopped by SIG" + signal.getName());
            }
            // A command of the user's, which a terminal's Ctrl-C reaches too.
            ProcessHandle.current().children().forEach(ProcessHandle::destroy);
            Runtime.getRuntime().halt(SIGNALLED + signal.getNumber());
        });
    }
}
