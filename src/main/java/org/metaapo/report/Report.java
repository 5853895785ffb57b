package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.train.RunFolder;

/**
 * The page of runs, as {@code report.html} of one, with everything inside, or as parts that {@code metaapo watch} serves. Texts of prompts
 * and answers are data: the page never reads them as HTML.
 */
public final class Report {
    private static final int LONGEST_LINE = 1 << 20;
    private static final int MOST_SAMPLES = 5000;
    private static final int MOST_BYTES = 24 << 20;
    private static final String NAME = "report";
    /** Scripts of the page, what others stand on first. */
    private static final String[] SCRIPTS = {
        "run/curves.js", "run/store.js", "run/source.js", "run/words.js", "run/board.js", "run/state.js", "run/learning.js",
        "run/weighing.js", "run/online.js", "run/prompts.js", "run/speed.js", "run/runs.js", "run/keys.js", "run/main.js"
    };

    private Report() {}

    /**
     * Writes the report of a run, finished or not.
     *
     * @throws DataException if the folder holds no run
     */
    public static void write(RunFolder folder) {
        write(folder, MOST_SAMPLES);
    }

    /** Writes the report of a run with the texts of at most so many rows. */
    public static void write(RunFolder folder, int mostSamples) {
        if (!Files.isRegularFile(folder.metrics())) {
            throw new DataException(folder.path() + ": no metrics.jsonl; expected the folder of a run");
        }
        RunFiles files = new RunFiles(folder.path());
        RunView view = new RunView();
        try (SeekableByteChannel channel = Files.newByteChannel(folder.metrics())) {
            LineReader lines = new LineReader(channel, LONGEST_LINE);
            while (lines.next()) {
                if (lines.length() > 0) {
                    view.add(Arrays.copyOf(lines.bytes(), lines.length()));
                }
            }
        } catch (IOException e) {
            throw FileFailures.reading(folder.metrics(), e);
        }
        Samples samples = new Samples(files);
        while (!samples.refresh(Long.MAX_VALUE / 2).isEmpty()) {
            continue;
        }
        ObjectNode page = RunPage.json(files, view, samples);
        addRows(page.putObject("rows"), samples, mostSamples);
        ObjectNode data = Json.mapper().createObjectNode();
        data.putArray("runs").add(page);
        AtomicFiles.write(folder.report(), HtmlPage.text(Report.class, NAME, "metaapo run", data, SCRIPTS));
    }

    /** By slice: numbers of rows, evenly taken where there are too many, and their texts as far as there is room. */
    private static void addRows(ObjectNode node, Samples samples, int most) {
        int aSlice = Math.max(1, most / Math.max(1, samples.keys().size()));
        long room = MOST_BYTES;
        for (String key : samples.keys()) {
            ObjectNode slice = node.putObject(key);
            JsonNode columns = samples.columns(key, aSlice);
            slice.set("columns", columns);
            ObjectNode texts = slice.putObject("texts");
            for (JsonNode index : columns.path("index")) {
                ObjectNode row = room > 0 ? samples.row(key, index.intValue()) : null;
                if (row != null) {
                    texts.set(index.asText(), row);
                    room -= Json.write(row).length();
                }
            }
        }
    }

    /** Parts of the live page by their paths. */
    public static Map<String, HtmlPage.Part> live() {
        Map<String, HtmlPage.Part> parts = new LinkedHashMap<>(HtmlPage.parts(Report.class, NAME, "metaapo", SCRIPTS));
        parts.put("/page/worker.js", HtmlPage.part("text/javascript", HtmlPage.resource(Report.class, "run/worker.js")));
        return parts;
    }
}
