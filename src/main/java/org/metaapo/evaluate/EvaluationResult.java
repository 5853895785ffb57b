package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;

/**
 * What an evaluation found.
 *
 * @param metrics every figure at full precision, under the official names
 * @param table for the terminal
 * @param notes a line each, for people
 * @param files texts to be written, by their names below the folder
 */
public record EvaluationResult(ObjectNode metrics, String table, List<String> notes, Map<String, String> files) {
    /** Writes the files, and {@code metrics.json} when all others are there. */
    public void write(Path folder) {
        files.forEach((name, text) -> AtomicFiles.write(folder.resolve(name), text));
        AtomicFiles.write(folder.resolve("metrics.json"), Json.writePretty(metrics));
    }

    /** A model's or judge's name as part of a file's name. */
    public static String fileName(String name) {
        String safe = name.replaceAll("[/\\\\\\p{Cntrl}]", "__");
        return safe.matches("\\.*") ? "_" + safe : safe;
    }

    /** A number, or null where it is none. */
    public static Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
