package org.metaapo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a suite wrote. */
final class SuiteResults {
    private SuiteResults() {}

    /** The lines of its results.csv, by the names of the columns. */
    static List<Map<String, String>> of(Path out) throws IOException {
        List<String> lines = Files.readAllLines(out.resolve("results.csv"));
        String[] names = lines.get(0).split(",");
        return lines.stream().skip(1).map(line -> {
            String[] cells = line.split(",", -1);
            Map<String, String> row = new TreeMap<>();
            for (int i = 0; i < names.length; i++) {
                row.put(names[i], cells[i]);
            }
            return row;
        }).toList();
    }
}
