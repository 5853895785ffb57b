package org.metaapo.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.InteractiveConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.metaapo.train.RunListener;

/** Progress on standard error: a bar with the time left on a terminal, else a line now and then. */
final class ProgressView implements RunListener, AutoCloseable {
    private static final long LINE_EVERY_NANOS = 10_000_000_000L;

    private final boolean quiet;
    private final boolean terminal = TerminalOutput.isCapable(TerminalOutput.ERR, System.getenv());
    private final boolean coloured = TerminalOutput.colour(TerminalOutput.Colour.AUTO, terminal, System.getenv());
    private final PrintStream out = System.err;
    private ProgressBar bar;
    private String phase;
    private long total;
    private long first;
    private boolean hasFirst;
    private long started;
    private long lastLine;

    ProgressView(boolean quiet) {
        this.quiet = quiet;
    }

    @Override
    public void note(String line) {
        if (!quiet) {
            out.println(line);
        }
    }

    @Override
    public void begin(String name, long units) {
        end();
        phase = name;
        total = units;
        hasFirst = false;
        started = System.nanoTime();
        lastLine = started;
        if (quiet || !terminal) {
            return;
        }
        if (units == 0) {
            out.print(name + " …");
            out.flush();
            return;
        }
        bar = new ProgressBarBuilder()
                .setTaskName(name)
                .setInitialMax(units)
                .setStyle(coloured ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.UNICODE_BLOCK)
                .setUpdateIntervalMillis(200)
                // Its own would ask the terminal, and take the signals over.
                .setConsumer(new InteractiveConsoleProgressBarConsumer(out, TerminalOutput.width(TerminalOutput.ERR, System.getenv())))
                .build();
    }

    @Override
    public void progress(long done, String detail) {
        if (!hasFirst) {
            hasFirst = true;
            first = done;
        }
        if (bar != null) {
            bar.stepTo(done);
            bar.setExtraMessage(detail);
            return;
        }
        long now = System.nanoTime();
        if (quiet || terminal || now - lastLine < LINE_EVERY_NANOS) {
            return;
        }
        lastLine = now;
        double seconds = (now - started) * 1e-9;
        if (total <= 0) {
            out.printf(Locale.ROOT, "%s: %d%s%n", phase, done, detail.isEmpty() ? "" : ", " + detail);
            return;
        }
        String left = done > first ? ", " + shown(seconds * (total - done) / (done - first)) + " left" : "";
        out.printf(Locale.ROOT, "%s: %d of %d%s%s%n", phase, done, total, detail.isEmpty() ? "" : ", " + detail, left);
    }

    private static String shown(double seconds) {
        Duration d = Duration.ofSeconds(Math.round(seconds));
        return d.toMinutes() > 0 ? d.toMinutes() + " min " + d.toSecondsPart() + " s" : d.toSeconds() + " s";
    }

    @Override
    public void end() {
        if (phase == null) {
            return;
        }
        double seconds = (System.nanoTime() - started) * 1e-9;
        if (bar != null) {
            bar.stepTo(Math.max(bar.getCurrent(), 0));
            bar.close();
            bar = null;
        } else if (!quiet && terminal) {
            out.printf(Locale.ROOT, "\r\033[K");
        }
        if (!quiet && !terminal && seconds > 2) {
            out.printf(Locale.ROOT, "%s took %s%n", phase, shown(seconds));
        }
        phase = null;
    }

    @Override
    public void close() {
        end();
    }
}
