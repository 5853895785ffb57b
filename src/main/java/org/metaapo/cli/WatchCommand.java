package org.metaapo.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.metaapo.error.UsageException;
import org.metaapo.watch.WatchServer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo watch}. */
@Command(name = "watch", description = "Serves a live page of runs, until it is stopped.", mixinStandardHelpOptions = true)
final class WatchCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "RUN", description = "folders of runs, or folders above them, in which new ones are found too")
    private List<Path> runs;

    @Option(names = "--port", paramLabel = "N", description = "0 for one that is free (default: ${DEFAULT-VALUE})", defaultValue = "" + WatchServer.PORT)
    private int port;

    @Option(names = "--host", paramLabel = "A", description = "address to listen at; others than this machine's need a token, which is printed (default: ${DEFAULT-VALUE})",
            defaultValue = "127.0.0.1")
    private String host;

    @Override
    public Integer call() throws InterruptedException {
        for (Path run : runs) {
            if (!Files.isDirectory(run)) {
                throw new UsageException(run + ": " + (Files.exists(run) ? "no folder" : "no such folder") + "; expected the folder of a run, or one above runs");
            }
        }
        try (WatchServer server = WatchServer.start(runs, host, port)) {
            System.out.println(server.address());
            System.out.flush();
            System.err.println("watching; Ctrl-C ends it, and the runs go on");
            new CountDownLatch(1).await();
        }
        return 0;
    }
}
