package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.RunFailedException;
import org.metaapo.train.RunListener;
import org.metaapo.watch.WatchServer;
import picocli.CommandLine.Option;

/** {@code --watch}: the live page while a command runs. */
final class WatchOption {
    private static final String HERE = "127.0.0.1";

    @Option(names = "--watch", description = "serve the live page of the run while it lasts, to this machine")
    private boolean watch;

    @Option(names = "--watch-port", paramLabel = "N", description = "of the live page (default: ${DEFAULT-VALUE}; another where that is taken)",
            defaultValue = "" + WatchServer.PORT)
    private int port;

    /** Work while somebody may watch; the page ends with it. */
    void during(Path folder, boolean leads, RunListener listener, Runnable work) {
        if (!watch || !leads) {
            work.run();
            return;
        }
        try (WatchServer server = start(folder)) {
            listener.note("watch: " + server.address());
            work.run();
        }
    }

    /** A page is not worth a run: where the port is taken, it is at another. */
    private WatchServer start(Path folder) {
        try {
            return WatchServer.start(List.of(folder), HERE, port);
        } catch (RunFailedException e) {
            return WatchServer.start(List.of(folder), HERE, 0);
        }
    }
}
