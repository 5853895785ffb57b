package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.metaapo.files.Json;

/**
 * A run's {@code metrics.jsonl}, as far as it is wanted, line by line.
 *
 * @param metrics the file
 * @param bytes of it
 * @param samples where slices' samples lie
 */
public record RunLog(Path metrics, long bytes, TrackedLine.Samples samples) {
    /** Takes lines. */
    public interface Taker {
        /** Takes one. */
        void take(TrackedLine line) throws Exception;
    }

    /**
     * Gives all whole lines that have something for trackers. Lines of runs that kept no time get one: the file's, less the seconds of the
     * steps that came after.
     */
    public void read(Taker taker) throws Exception {
        double[] later = {0};
        each(line -> later[0] += line.path("seconds").asDouble());
        double end = Files.getLastModifiedTime(metrics).toMillis() * 1e-3;
        each(line -> {
            later[0] -= line.path("seconds").asDouble();
            TrackedLine tracked = TrackedLine.of(line, samples);
            if (tracked != null) {
                taker.take(tracked.at(end - Math.max(0, later[0])));
            }
        });
    }

    private interface LineTaker {
        void take(JsonNode line) throws Exception;
    }

    private void each(LineTaker taker) throws Exception {
        try (InputStream file = Files.newInputStream(metrics); BufferedReader lines = reader(file)) {
            long at = 0;
            int number = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                at += line.getBytes(StandardCharsets.UTF_8).length + 1L;
                if (at > bytes) {
                    // The line that is being written, or what does not hold any more.
                    return;
                }
                number++;
                if (!line.isBlank()) {
                    taker.take(Json.parse(line, metrics.toString(), number));
                }
            }
        }
    }

    private static BufferedReader reader(InputStream file) throws IOException {
        return new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8));
    }
}
