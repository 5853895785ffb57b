package org.metaapo.cli;

import org.metaapo.train.StopSignal;
import sun.misc.Signal;

/** Ctrl-C and SIGTERM ask a run to stop; a second one ends the process at once. */
final class StopOnSignal {
    private StopOnSignal() {}

    static StopSignal install() {
        StopSignal stop = new StopSignal();
        for (String name : new String[] {"INT", "TERM"}) {
            Signal.handle(new Signal(name), signal -> {
                if (!stop.request()) {
                    Runtime.getRuntime().halt(128 + signal.getNumber());
                }
                System.err.println("stopping after this step, with a checkpoint; once more ends at once");
            });
        }
        return stop;
    }
}
