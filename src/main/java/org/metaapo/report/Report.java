package org.metaapo.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
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
    private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
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
        ArrayNode samples = data.putArray("samples");
        int leftOut = 0;
        for (Path file : sampleFiles(folder)) {
            leftOut += addLines(samples, file, MOST_SAMPLES - samples.size());
        }
        data.put("samplesLeftOut", leftOut);
        String page = resource("report.html")
                .replace("/*UPLOT_CSS*/", resource(UPLOT + "uPlot.min.css"))
                .replace("/*CSS*/", resource("report.css"))
                .replace("/*UPLOT_JS*/", resource(UPLOT + "uPlot.iife.min.js"))
                .replace("/*JS*/", resource("report.js"))
                // "<" never appears in the data, so that no text can end the script element
                .replace("/*DATA*/", Json.write(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"));
        AtomicFiles.write(folder.report(), page);
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

    private static String resource(String name) {
        try (InputStream in = Report.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " is missing from the build");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
