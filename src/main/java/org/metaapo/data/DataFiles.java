package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/** Reads rows from JSONL files, or from a JSON file that is one array. */
public final class DataFiles {
    private static final int LONGEST_LINE = 64 << 20;

    private final boolean skipBad;
    private final List<Row> rows = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();

    private DataFiles(boolean skipBad) {
        this.skipBad = skipBad;
    }

    /**
     * Rows of files.
     *
     * @param rows in the order of files and lines
     * @param skipped why each bad row was left out; empty unless asked for
     */
    public record Loaded(List<Row> rows, List<String> skipped) {}

    /**
     * Reads all rows.
     *
     * @param skipBad leave bad rows out instead of failing at the first
     * @throws DataException naming file, line and cause
     */
    public static Loaded load(List<Path> files, boolean skipBad) {
        DataFiles reader = new DataFiles(skipBad);
        for (Path file : files) {
            int before = reader.rows.size() + reader.skipped.size();
            reader.read(file);
            if (reader.rows.size() + reader.skipped.size() == before) {
                throw new DataException(file + ": no rows; expected a JSON object on each line");
            }
        }
        if (reader.rows.isEmpty()) {
            throw new DataException(files.get(0) + ": no good row is left; the first bad one: " + reader.skipped.get(0));
        }
        return new Loaded(List.copyOf(reader.rows), List.copyOf(reader.skipped));
    }

    private void read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": " + (Files.exists(file) ? "not a file" : "no such file")
                    + "; expected a JSONL file of preference rows");
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            in.mark(1);
            int first = in.read();
            in.reset();
            if (first == '[') {
                array(file);
            } else {
                lines(file, in);
            }
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    private void array(Path file) {
        JsonNode all = Json.read(file);
        for (int i = 0; i < all.size(); i++) {
            JsonNode element = all.get(i);
            String where = file + ", element " + (i + 1);
            add(() -> RowParser.parse(element, rows.size(), where));
        }
    }

    private void lines(Path file, InputStream in) throws IOException {
        long number = 0;
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        boolean more = true;
        while (more) {
            number++;
            line.reset();
            more = readLine(in, line, file, number);
            byte[] bytes = line.toByteArray();
            if (isBlank(bytes)) {
                continue;
            }
            String where = file + ":" + number;
            long lineNumber = number;
            add(() -> {
                String text = StrictText.decode(bytes, 0, bytes.length, file.toString(), lineNumber);
                return RowParser.parse(Json.parse(text, file.toString(), lineNumber), rows.size(), where);
            });
        }
    }

    private static boolean readLine(InputStream in, ByteArrayOutputStream line, Path file, long number) throws IOException {
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return true;
            }
            if (line.size() == LONGEST_LINE) {
                throw new DataException(file + ":" + number + ": a line of more than 64 MiB; expected a JSON object a line");
            }
            line.write(b);
        }
        return false;
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte b : bytes) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }

    private interface Parse {
        Row run();
    }

    private void add(Parse parse) {
        try {
            rows.add(parse.run());
        } catch (DataException e) {
            if (!skipBad) {
                throw e;
            }
            skipped.add(e.getMessage());
        }
    }
}
