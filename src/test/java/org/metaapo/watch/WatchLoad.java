package org.metaapo.watch;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.metaapo.files.AtomicFiles;

/**
 * Measures {@code metaapo watch} on a long run with many tabs: when each is first drawn, the heap that the server keeps within, and the
 * processor time it takes while lines come. Arguments: steps (50000) and tabs (20). benchmarks/watch.sh runs it.
 */
final class WatchLoad {
    private static final int STEPS_A_SLICE = 500;
    private static final int LINES = 100;
    private static final String HEAP = "256m";

    private WatchLoad() {}

    public static void main(String[] arguments) throws Exception {
        int steps = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 50_000;
        int tabs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20;
        Path folder = Files.createTempDirectory("metaapo-watch");
        Process server = null;
        try {
            Path run = folder.resolve("run");
            MadeRun.write(run, steps, STEPS_A_SLICE, false, 1);
            System.out.printf(Locale.ROOT, "%,d steps, metrics.jsonl of %,d MiB%n", steps, Files.size(run.resolve("metrics.jsonl")) >> 20);
            long began = System.nanoTime();
            server = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx" + HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                    "-cp", System.getProperty("java.class.path"), "org.metaapo.cli.Main", "watch", run.toString(), "--port", "0").redirectError(ProcessBuilder.Redirect.INHERIT).start();
            String address = new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8)).readLine();
            System.out.printf(Locale.ROOT, "server up after %.1f s%n", seconds(began));
            measure(server, address, run, folder, tabs, steps);
        } finally {
            if (server != null) {
                server.destroy();
                server.waitFor();
            }
            AtomicFiles.deleteTree(folder);
        }
    }

    private static void measure(Process server, String address, Path run, Path folder, int count, int steps) throws Exception {
        try (Browser browser = new Browser(folder.resolve("profile"))) {
            Browser.Tab first = browser.open(address, 1200, 900, false);
            first.await("store.runs.length && store.runs[0].known && store.runs[0].steps >= " + steps);
            List<Browser.Tab> tabs = new ArrayList<>();
            List<Double> drawn = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                Browser.Tab tab = browser.open(address, 1200, 900, false);
                tab.await("performance.getEntriesByName('drawn').length && document.querySelector('.u-over')");
                drawn.add(tab.value("performance.getEntriesByName('drawn')[0].startTime").asDouble() / 1000);
                tabs.add(tab);
            }
            Collections.sort(drawn);
            System.out.printf(Locale.ROOT, "first drawn: median %.2f s, slowest %.2f s of %d tabs, each opened beside those before%n", drawn.get(count / 2), drawn.get(count - 1), count);
            Duration before = server.info().totalCpuDuration().orElse(Duration.ZERO);
            long began = System.nanoTime();
            for (int i = 1; i <= LINES; i++) {
                Files.writeString(run.resolve("metrics.jsonl"), String.format(Locale.ROOT, "{\"step\":%d,\"loss\":0.5,\"accuracy\":0.75,\"seconds\":0.1,\"tokens\":600}%n", steps + i), StandardOpenOption.APPEND);
                Thread.sleep(100);
            }
            double taken = seconds(began);
            Duration used = server.info().totalCpuDuration().orElse(Duration.ZERO).minus(before);
            for (Browser.Tab tab : tabs) {
                tab.await("store.runs[0].last.step === " + (steps + LINES));
            }
            System.out.printf(Locale.ROOT, "%d lines in %.0f s to %d tabs: %.1f %% of a core; heap within %s%n", LINES, taken, count, 100 * used.toMillis() / 1000.0 / taken, HEAP);
            if (!server.isAlive()) {
                throw new IllegalStateException("the server has ended");
            }
        }
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) * 1e-9;
    }
}
