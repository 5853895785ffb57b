package org.metaapo.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.metaapo.error.DataException;

/** Reads rows from JSONL, JSON and Parquet files, patterns and dataset folders: see {@link DataPaths}. */
public final class DataFiles {
    private DataFiles() {}

    /**
     * How to read.
     *
     * @param split what a folder's split begins with where none is named
     * @param skipBad leave bad rows out instead of failing at the first
     * @param seed of the choice among several worse answers
     * @param variables of the chat template, in the order of their names, which a row's own go before
     */
    public record Options(String split, boolean skipBad, long seed, Map<String, Object> variables) {
        /** Training data; the first bad row is an error. */
        public static final Options STRICT = new Options("train", false, 0);

        /** Without variables. */
        public Options(String split, boolean skipBad, long seed) {
            this(split, skipBad, seed, Map.of());
        }

        /** The same with variables of the chat template. */
        public Options with(Map<String, Object> others) {
            return new Options(split, skipBad, seed, others);
        }
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
     * @param bad how many bad rows were left out; 0 unless asked for
     * @param skipped why the first ten thousand of them were left out
     * @param dropped how many good rows make no pair, by reason
     * @param schemas the layout of each file
     */
    public record Summary(int rows, int bad, List<String> skipped, Map<String, Integer> dropped, Map<Path, Schema> schemas) {}

    /** Hears how far the reading is; may throw to end it. */
    public interface Watch {
        /** Nobody hears. */
        Watch NONE = (bytes, all, rows) -> {};

        /** {@code bytes} of {@code all} bytes of the files are done, and {@code rows} good rows found. */
        void at(long bytes, long all, long rows);
    }

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
        RowScan<Row> scan = new RowScan<>(options, 1, Function.identity(), (place, row) -> sink.accept(row), files(paths, options), Watch.NONE);
        Summary summary = null;
        for (Path path : paths) {
            summary = scan.scan(files(List.of(path), options));
        }
        if (summary == null || summary.rows() == 0) {
            throw noRows(paths, summary);
        }
        return summary;
    }

    /** The files that paths mean, in the order of paths and names. */
    public static List<Path> files(List<Path> paths, Options options) {
        return paths.stream().flatMap(path -> DataPaths.resolve(path, options.split()).stream()).toList();
    }

    static DataException noRows(List<Path> paths, Summary summary) {
        return new DataException(paths.get(0) + ": no good row is left" + (summary.skipped().isEmpty()
                ? " (dropped: " + summary.dropped() + ")"
                : "; the first bad one: " + summary.skipped().get(0)));
    }
}
