package org.metaapo.cli;

import java.util.List;
import java.util.function.Consumer;
import org.metaapo.files.Unfinished;
import org.metaapo.train.StopSignal;
import sun.misc.Signal;

/** Ctrl-C, SIGTERM and the end of the terminal. One that the parent had ignored, as nohup does, stays ignored. */
final class Signals {
    private static final List<String> NAMES = List.of("INT", "TERM", "HUP");

    /** What a shell adds to the number of the signal that ended a process. */
    private static final int SIGNALLED = 128;

    private Signals() {}

    /** From now on they end the process at once, and no file is left half written. */
    static void endAtOnce() {
        handle(Signals::end);
    }

    /**
     * From now on the first one asks for a stop; a second one ends the process at once.
     *
     * @param told then, on standard error
     */
    static StopSignal askToStop(String told) {
        StopSignal stop = new StopSignal();
        handle(signal -> {
            if (stop.request()) {
                System.err.println(told + "; once more ends at once");
            } else {
                end(signal);
            }
        });
        return stop;
    }

    private static void handle(Consumer<Signal> handler) {
        NAMES.forEach(name -> Signal.handle(new Signal(name), handler::accept));
    }

    private static void end(Signal signal) {
        Unfinished.end(() -> {
            System.err.println("metaapo: stopped by SIG" + signal.getName());
            // A command of the user's, which a terminal's Ctrl-C reaches too.
            ProcessHandle.current().children().forEach(ProcessHandle::destroy);
            Runtime.getRuntime().halt(SIGNALLED + signal.getNumber());
        });
    }
}
