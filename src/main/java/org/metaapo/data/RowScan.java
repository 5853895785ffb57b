package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StandardInput;

/**
 * Reads files row by row: parses and works on rows on several threads, and hands them on in the order of files and lines, with bad
 * rows counted or thrown.
 */
final class RowScan<T> {
    /** Bad rows whose message is kept; all are counted. */
    private static final int LISTED = 10_000;

    private final DataFiles.Options options;
    private final int threads;
    private final Function<Row, T> work;
    private final BiConsumer<Place, T> sink;
    private final DataFiles.Watch watch;

    private final List<String> skipped = new ArrayList<>();
    private final Map<String, Integer> dropped = new LinkedHashMap<>();
    private final Map<Path, Schema> schemas = new LinkedHashMap<>();
    private int rows;
    private int bad;
    private int nextId;
    private long bytesBefore;
    private final long bytesAll;

    /** A row on its way: {@code value} is the work's result, or null with the reason in {@code error} or {@code drop}. */
    private record Passed<T>(Path file, Place place, Schema schema, T value, DataException error, String drop, long position) {}

    private record Pending(Path file, RawRow raw, int id, long position) {}

    /**
     * A scan.
     *
     * @param work done on each good row, on any thread; a {@link DataException} makes the row a bad one
     * @param sink takes the results on the caller's thread
     * @param all files of all scans, for {@code watch}
     */
    RowScan(
            DataFiles.Options options, int threads, Function<Row, T> work, BiConsumer<Place, T> sink, List<Path> all,
            DataFiles.Watch watch) {
        this.options = options;
        this.threads = threads;
        this.work = work;
        this.sink = sink;
        this.watch = watch;
        this.bytesAll = all.stream().mapToLong(RowScan::size).sum();
    }

    /**
     * Reads the files of one path; rows of further calls are numbered on.
     *
     * @return what came of all calls
     * @throws DataException naming file, row and cause
     */
    DataFiles.Summary scan(List<Path> files) {
        int first = nextId;
        for (Path file : files) {
            try (OrderedWork<Pending, Passed<T>> ordered = new OrderedWork<>(threads, this::pass, this::take)) {
                source(file).read(file, (raw, position) ->
                        ordered.add(new Pending(file, raw, nextId++, position), raw.bytes()));
                ordered.finish();
            }
            bytesBefore += size(file);
        }
        if (nextId == first) {
            // A shard may be empty, not all of them.
            throw new DataException(files.get(0) + (files.size() > 1 ? " and " + (files.size() - 1) + " more" : "")
                    + ": no rows; expected a JSON object on each line, a list of them, or Parquet");
        }
        return new DataFiles.Summary(rows, bad, List.copyOf(skipped), dropped, schemas);
    }

    private static long size(Path file) {
        try {
            return Files.size(StandardInput.file(file));
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    private static RowSource source(Path file) {
        return FileFormat.of(file) == FileFormat.PARQUET ? new ParquetRows() : new JsonRows();
    }

    private Passed<T> pass(Pending pending) {
        Place place = pending.raw().place();
        Schema schema = null;
        T value = null;
        String drop = null;
        try {
            JsonNode json = pending.raw().json().get();
            if (!json.isObject()) {
                throw new DataException(place + ": expected an object with " + Schema.PAIR.columns() + ", found " + Json.describe(json));
            }
            json = Columns.asRows(json, place.toString());
            schema = Schema.of(json, place.toString());
            Row row = RowParser.parse(json, schema, pending.id(), options, place.toString());
            if (row == null) {
                drop = "no answer with a lower score";
            } else {
                value = work.apply(row);
            }
        } catch (DataException e) {
            return new Passed<>(pending.file(), place, schema, null, at(place, e), null, pending.position());
        }
        return new Passed<>(pending.file(), place, schema, value, null, drop, pending.position());
    }

    private static DataException at(Place place, DataException e) {
        boolean named = e.getMessage().startsWith(place.file());
        return named ? e : new DataException(place + ": " + e.getMessage(), e);
    }

    private void take(Passed<T> passed) {
        watch.at(bytesBefore + passed.position(), bytesAll, rows);
        Schema first = passed.schema() == null ? null : schemas.putIfAbsent(passed.file(), passed.schema());
        if (first != null && first != passed.schema()) {
            refuse(new DataException(passed.place() + ": has " + passed.schema().columns() + ", the rows before it " + first.columns()
                    + "; a file has rows of one layout"));
        } else if (passed.error() != null) {
            refuse(passed.error());
        } else if (passed.drop() != null) {
            dropped.merge(passed.drop(), 1, Integer::sum);
        } else {
            rows++;
            sink.accept(passed.place(), passed.value());
        }
    }

    private void refuse(DataException why) {
        if (!options.skipBad()) {
            throw why;
        }
        bad++;
        if (skipped.size() < LISTED) {
            skipped.add(why.getMessage());
        }
    }
}
