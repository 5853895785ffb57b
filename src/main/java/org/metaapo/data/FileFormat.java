package org.metaapo.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.StandIn;

/** What a data file is, told by its first bytes; what is not read is named, with what makes it readable. */
enum FileFormat {
    /** JSONL or one JSON list, plain or compressed. */
    JSON,
    /** Parquet. */
    PARQUET;

    /** A format that is not read: the bytes it begins with, what it is called, and what to do. */
    private record Foreign(String magic, String name, String advice) {}

    private static final String UNPACK = "unpack it, and give its files or their folder";
    private static final String REWRITE = "write it as Parquet or JSONL";

    private static final List<Foreign> FOREIGN = List.of(
            new Foreign("PK\3\4", "a zip archive", UNPACK),
            new Foreign("PK\5\6", "a zip archive", UNPACK),
            new Foreign("7z\u00bc\u00af\u0027\u001c", "a 7z archive", UNPACK),
            new Foreign("\u00fd7zXZ\0", "compressed with xz", "decompress it with xz -d; gzip and zstd are read as they are"),
            new Foreign("BZh", "compressed with bzip2", "decompress it with bzip2 -d; gzip and zstd are read as they are"),
            new Foreign("\u0004\"M\u0018", "compressed with lz4", "decompress it with lz4 -d; gzip and zstd are read as they are"),
            new Foreign("PARE", "an encrypted Parquet file", "write it without encryption"),
            new Foreign("Obj\1", "an Avro file", REWRITE),
            new Foreign("ORC", "an ORC file", REWRITE),
            new Foreign("FEA1", "a Feather file", REWRITE),
            new Foreign("\u0089HDF", "an HDF5 file", REWRITE),
            new Foreign("SQLite format 3", "an SQLite database", REWRITE));

    private static final String ARROW_FILE = "ARROW1";
    /** The continuation marker that Arrow's streams begin with, which is what datasets writes. */
    private static final String ARROW_STREAM = "\u00ff\u00ff\u00ff\u00ff";

    private static final int TAR_MAGIC_AT = 257;

    /** Columns by which the first line of a table of separated values is known whatever its name is. */
    private static final Set<String> COLUMNS = Stream.of(Schema.values())
            .flatMap(schema -> Arrays.stream(schema.columns().split(", "))).collect(Collectors.toUnmodifiableSet());

    /**
     * The format of a file.
     *
     * @throws DataException if it is one that is not read
     */
    static FileFormat of(Path file) {
        byte[] raw;
        byte[] start;
        try {
            raw = Compression.start(file);
            StandIn.refuse(raw, file.toString());
            start = Compression.isCompressed(raw) ? Compression.contentStart(file) : raw;
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
        if (text.startsWith("PAR1")) {
            if (start != raw) {
                throw foreign(file, "Parquet inside of another compression", "decompress it");
            }
            return PARQUET;
        }
        refuseForeign(file, text);
        refuseTable(file, text);
        return JSON;
    }

    private static void refuseForeign(Path file, String start) {
        for (Foreign foreign : FOREIGN) {
            if (start.startsWith(foreign.magic())) {
                throw foreign(file, foreign.name(), foreign.advice());
            }
        }
        if (start.startsWith("ustar", TAR_MAGIC_AT)) {
            throw foreign(file, "a tar archive", UNPACK);
        }
        if (start.startsWith(ARROW_FILE)) {
            throw arrow(file, "an Arrow or Feather file", "pandas.read_feather(\"" + file + "\")");
        }
        if (start.startsWith(ARROW_STREAM)) {
            Path folder = file.toAbsolutePath().getParent();
            throw Files.exists(folder.resolve("state.json"))
                    ? arrow(file, "an Arrow file of datasets' save_to_disk", "datasets.load_from_disk(\"" + folder + "\")")
                    : arrow(file, "an Arrow file", "datasets.Dataset.from_file(\"" + file + "\")");
        }
    }

    private static DataException arrow(Path file, String what, String opened) {
        return foreign(file, what, "write Parquet from it in Python: " + opened + ".to_parquet(\"train.parquet\")");
    }

    /** A table of separated values: neither a list nor an object, and named or headed like a table. */
    private static void refuseTable(Path file, String start) {
        String text = start.startsWith("\u00ef\u00bb\u00bf") ? start.substring(3) : start;
        String line = text.lines().map(String::strip).filter(one -> !one.isEmpty()).findFirst().orElse("");
        if (line.isEmpty() || line.startsWith("{") || line.startsWith("[")) {
            return;
        }
        boolean tabs = line.indexOf('\t') >= 0;
        boolean named = file.toString().matches("(?i).*\\.[ct]sv(\\.gz|\\.zst)?");
        boolean headed = Arrays.stream(line.split(tabs ? "\t" : "[,;]"))
                .map(field -> field.strip().replaceAll("^\"|\"$", "")).filter(COLUMNS::contains).count() > 1;
        if (named || headed) {
            String read = "read_csv(\"" + file + "\"" + (tabs ? ", sep=\"\\t\"" : "") + ")";
            throw foreign(file, tabs ? "a table of tab-separated values (TSV)" : "a table of comma-separated values (CSV)",
                    "write it as JSONL, in Python: pandas." + read + ".to_json(\"" + base(file) + ".jsonl\", orient=\"records\", lines=True)");
        }
    }

    private static String base(Path file) {
        return file.getFileName().toString().replaceFirst("\\..*", "");
    }

    private static DataException foreign(Path file, String what, String advice) {
        return new DataException(file + ": " + what + ", which is not read; expected JSONL, JSON or Parquet; " + advice);
    }
}
