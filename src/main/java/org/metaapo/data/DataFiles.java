package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;

/** Reads rows from JSONL, JSON and Parquet files, patterns and dataset folders: see {@link DataPaths}. */
public final class DataFiles {
    private final Options options;
    private final Consumer<Row> sink;
    private int rows;
    private final List<String> skipped = new ArrayList<>();
    private final Map<String, Integer> dropped = new LinkedHashMap<>();
    private final Map<Path, Schema> schemas = new LinkedHashMap<>();

    private DataFiles(Options options, Consumer<Row> sink) {
        this.options = options;
        this.sink = sink;
    }

    /**
     * How to read.
     *
     * @param split what a folder's split begins with where none is named
     * @param skipBad leave bad rows out instead of failing at the first
     * @param seed of the choice among several worse answers
     */
    public record Options(String split, boolean skipBad, long seed) {
        /** Training data; the first bad row is an error. */
        public static final Options STRICT = new Options("train", false, 0);
    }

    /**
     * Rows of files.
     *
     * @param rows in the order of files and lines
     * @param skipped why each bad row was left out; empty unless asked for
     * @param dropped how many good rows make no pair, by reason
     * @param schemas the layout of each file
     */
    public record Loaded(List<Row> rows, List<String> skipped, Map<String, Integer> dropped, Map<Path, Schema> schemas) {}

    /**
     * What came of reading, without the rows.
     *
     * @param rows how many there were
     * @param skipped why each bad row was left out; empty unless asked for
     * @param dropped how many good rows make no pair, by reason
     * @param schemas the layout of each file
     */
    public record Summary(int rows, List<String> skipped, Map<String, Integer> dropped, Map<Path, Schema> schemas) {}

    /**
     * Reads all rows and keeps them.
     *
     * @throws DataException naming file, row and cause
     */
    public static Loaded load(List<Path> paths, Options options) {
        List<Row> rows = new ArrayList<>();
        Summary summary = read(paths, options, rows::add);
        return new Loaded(List.copyOf(rows), summary.skipped(), summary.dropped(), summary.schemas());
    }

    /**
     * Reads all rows, one after another; never more than one is held.
     *
     * @param sink takes the rows in the order of files and lines
     * @throws DataException naming file, row and cause
     */
    public static Summary read(List<Path> paths, Options options, Consumer<Row> sink) {
        DataFiles reader = new DataFiles(options, sink);
        for (Path path : paths) {
            for (Path file : DataPaths.resolve(path, options.split())) {
                reader.read(file);
            }
        }
        if (reader.rows == 0) {
            throw new DataException(paths.get(0) + ": no good row is left" + (reader.skipped.isEmpty()
                    ? " (dropped: " + reader.dropped + ")"
                    : "; the first bad one: " + reader.skipped.get(0)));
        }
        return new Summary(reader.rows, List.copyOf(reader.skipped), reader.dropped, reader.schemas);
    }

    private void read(Path file) {
        long[] seen = new long[1];
        RowSource source = isParquet(file) ? new ParquetRows() : new JsonRows();
        source.read(file, new RowSource.Sink() {
            @Override
            public void row(JsonNode row, String where) {
                seen[0]++;
                Row parsed;
                try {
                    parsed = parse(file, row, where);
                } catch (DataException e) {
                    refuse(e);
                    return;
                }
                if (parsed == null) {
                    dropped.merge("no answer with a lower score", 1, Integer::sum);
                } else {
                    rows++;
                    sink.accept(parsed);
                }
            }

            @Override
            public void bad(DataException why) {
                seen[0]++;
                refuse(why);
            }
        });
        if (seen[0] == 0) {
            throw new DataException(file + ": no rows; expected a JSON object on each line, a list of them, or Parquet");
        }
    }

    private static boolean isParquet(Path file) {
        try {
            return Compression.begins(Compression.start(file), 'P', 'A', 'R', '1');
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    private Row parse(Path file, JsonNode json, String where) {
        if (!json.isObject()) {
            throw new DataException(where + ": expected an object with " + Schema.PAIR.columns() + ", found " + Json.describe(json));
        }
        Schema schema = Schema.of(json, where);
        Schema first = schemas.putIfAbsent(file, schema);
        if (first != null && first != schema) {
            throw new DataException(where + ": has " + schema.columns() + ", the rows before it " + first.columns()
                    + "; a file has rows of one layout");
        }
        // Ids stay with the places of the rows: what is dropped or skipped keeps its number.
        int id = rows + skipped.size() + dropped.values().stream().mapToInt(Integer::intValue).sum();
        return RowParser.parse(json, schema, id, options.seed(), where);
    }

    private void refuse(DataException why) {
        if (!options.skipBad()) {
            throw why;
        }
        skipped.add(why.getMessage());
    }
}
