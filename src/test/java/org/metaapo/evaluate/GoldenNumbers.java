package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.zip.GZIPInputStream;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Numbers that the benchmarks' official code, or an exact solver, gave. */
public final class GoldenNumbers {
    private GoldenNumbers() {}

    public static JsonNode read(String name) {
        try (InputStream file = Files.newInputStream(Fixtures.path("evaluate/" + name));
                InputStream in = name.endsWith(".gz") ? new GZIPInputStream(file) : file) {
            return Json.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), name);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    public static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asDouble();
        }
        return values;
    }
}
