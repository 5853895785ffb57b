package org.metaapo.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.train.RunFolder;

/**
 * Writes {@code report.html}: charts, costs and a table of prompts, with styles, scripts and data inside. Texts of prompts and
 * answers are data: the page never reads them as HTML.
 */
public final class Report {
    private static final int MOST_SAMPLES = 5000;

    private Report() {}

    /**
     * Writes the report of a run, finished or not.
     *
     * @throws DataException if the folder holds no run
     */
    public static void write(RunFolder folder) {
        if (!Files.isRegularFile(folder.metrics())) {
            throw new DataException(folder.path() + ": no metrics.jsonl; expected the folder of a run");
        }
        ObjectNode data = Json.mapper().createObjectNode().put("folder", folder.path().toString());
        data.put("config", Files.isRegularFile(folder.config()) ? StrictText.read(folder.config()) : "");
        addLines(data.putArray("metrics"), folder.metrics(), Integer.MAX_VALUE);
        if (Files.isRegularFile(folder.bound())) {
            data.set("bound", Json.read(folder.bound()));
        }
        ArrayNode samples = data.putArray("samples");
        int leftOut = 0;
        for (Path file : sampleFiles(folder)) {
            leftOut += addLines(samples, file, MOST_SAMPLES - samples.size());
        }
        data.put("samplesLeftOut", leftOut);
        AtomicFiles.write(folder.report(), HtmlPage.text(Report.class, "report", "metaapo run", data));
    }

    private static List<Path> sampleFiles(RunFolder folder) {
        if (!Files.isDirectory(folder.samples())) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder.samples())) {
            return files.filter(f -> f.toString().endsWith(".jsonl")).sorted().toList();
        } catch (IOException e) {
            throw FileFailures.reading(folder.samples(), e);
        }
    }

    /** Adds up to {@code most} lines; returns how many more there are. */
    private static int addLines(ArrayNode array, Path file, int most) {
        int number = 0;
        for (String line : StrictText.read(file).split("\n")) {
            if (line.isBlank()) {
                continue;
            }
            number++;
            if (number <= most) {
                array.add(Json.parse(line, file.toString(), number));
            }
        }
        return Math.max(0, number - Math.max(0, most));
    }
}
