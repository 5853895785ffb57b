package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.demo.Demo;
import org.metaapo.demo.WorldTerms;
import org.metaapo.error.UsageException;
import org.metaapo.report.Report;
import org.metaapo.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo demo}. */
@Command(name = "demo", description = "The whole story on this machine, nothing downloaded: a small world, SFT, a reward model, MetaAPO.", mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    @Option(names = "--out", paramLabel = "DIR", description = "where to put everything (default: ${DEFAULT-VALUE})", defaultValue = "demo")
    private Path out;

    @Option(names = "--world", paramLabel = "W", description = "demo, or paper: old pairs as in the paper's data (default: ${DEFAULT-VALUE})", defaultValue = "demo")
    private String world;

    @Option(names = "--seed", paramLabel = "N", description = "of the world and the runs (default: ${DEFAULT-VALUE})", defaultValue = "42")
    private long seed;

    @Option(names = "--device", paramLabel = "D", description = "auto, cpu or cuda:N (default: ${DEFAULT-VALUE})", defaultValue = "auto")
    private String device;

    @Option(names = "--threads", paramLabel = "N", description = "processor threads; 0: all cores", defaultValue = "0")
    private int threads;

    @Option(names = "--quiet", description = "no progress on standard error")
    private boolean quiet;

    @Mixin
    private WatchOption watch;

    @Override
    public Integer call() {
        if (out.toString().equals("-")) {
            throw new UsageException("--out is -, which is standard output; demo makes a folder");
        }
        WorldTerms terms = WorldTerms.of(world);
        if (terms == null) {
            throw new UsageException("--world is \"" + world + "\"; expected " + String.join(" or ", WorldTerms.names()));
        }
        try (ProgressView view = new ProgressView(quiet)) {
            RunFolder run = new RunFolder(out.resolve("metaapo"));
            watch.during(out, true, view, () -> {
                String text = Demo.run(out, terms, seed, device, threads, view, Signals.askToStop(RunOptions.STOPPING));
                Report.write(run);
                System.out.print(text);
                System.out.println();
            });
            System.out.println("report   " + run.report());
            System.out.println("model    " + run.model());
            System.out.println("again    metaapo train " + out.resolve("metaapo.yaml") + " out=" + out.resolve("again"));
        }
        return 0;
    }
}
