package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;

/** Files that are broken, or made to break the reader: one line that names file, row and cause. */
class DamagedDataTest {
    private static final String PAIR = "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}\n";
    private static final DataFiles.Options SKIP = new DataFiles.Options("train", true, 0);

    @TempDir
    Path temp;

    private Path parquet(String name, String query, String options) throws SQLException {
        Path file = temp.resolve(name);
        try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
                Statement statement = connection.createStatement()) {
            statement.execute("COPY (" + query + ") TO '" + file + "' (FORMAT parquet" + options + ")");
        }
        return file;
    }

    private static void assertBad(Path file, String... words) {
        assertThatThrownBy(() -> DataFiles.load(List.of(file), DataFiles.Options.STRICT)).isInstanceOf(DataException.class)
                .hasMessageContainingAll(words).hasMessageNotContaining("\n");
    }

    @Test
    void aLineOf100MegabytesIsRefusedAndCanBeSkipped() throws IOException {
        Path file = temp.resolve("long.jsonl");
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(PAIR.getBytes(StandardCharsets.UTF_8));
            byte[] part = new byte[1 << 20];
            Arrays.fill(part, (byte) 'x');
            for (int i = 0; i < 100; i++) {
                out.write(part);
            }
            out.write(("\n" + PAIR).getBytes(StandardCharsets.UTF_8));
        }
        assertBad(file, "long.jsonl:2", "more than 16 MiB");
        DataFiles.Loaded loaded = DataFiles.load(List.of(file), SKIP);
        assertThat(loaded.rows()).extracting(Row::id).containsExactly(0, 2);
        assertThat(loaded.skipped()).hasSize(1);
        Files.writeString(file, "[" + PAIR.strip() + ", {\"prompt\": [" + "1, ".repeat(9 << 20) + "1]}]");
        assertBad(file, "long.jsonl, element 2", "more than 16 MiB");
    }

    @Test
    void badElementsOfAListAreSkipped() throws IOException {
        String good = PAIR.strip();
        List<String> bad = List.of(
                "{\"prompt\": \"p\", \"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}", "{\"prompt\" \"p\"}", "nul", "1 2", "\"text\"", "",
                "{\"prompt\": \"tab\tbing\", \"chosen\": \"c\", \"rejected\": \"r\"}", good + " " + good, "[" + good + ",]",
                "{\"prompt\": \"\\ud800\", \"chosen\": \"c\", \"rejected\": \"r\"}", "{\"prompt\": [" + "[".repeat(2000) + "]".repeat(2000) + "]}",
                "{\"prompt\": \"" + "x".repeat(17 << 20) + "\"}", "{\"prompt\": 01}");
        String tricky = "{\"prompt\": \"]}, {[ \\\" \\\\\", \"chosen\": \"c\", \"rejected\": \"r\"}";
        Path file = temp.resolve("list.json");
        Files.writeString(file, "\n[ " + tricky + ",\n" + String.join(" ,\n  ", bad) + ", " + good + "\n]\n");
        assertBad(file, "list.json, element 2", "given twice");
        DataFiles.Loaded loaded = DataFiles.load(List.of(file), SKIP);
        assertThat(loaded.rows()).extracting(Row::id).containsExactly(0, bad.size() + 1);
        assertThat(loaded.rows().get(0).prompt().text()).isEqualTo("]}, {[ \" \\");
        assertThat(loaded.skipped()).hasSize(bad.size());
        for (int i = 0; i < bad.size(); i++) {
            assertThat(loaded.skipped().get(i)).contains("list.json, element " + (i + 2)).hasLineCount(1);
        }
        byte[] bytes = ("[" + good + ", " + good + ", " + good + "]").getBytes(StandardCharsets.UTF_8);
        bytes[good.length() + 15] = (byte) 0xff;
        Files.write(file, bytes);
        assertBad(file, "list.json, element 2", "not UTF-8");
        assertThat(DataFiles.load(List.of(file), SKIP).rows()).hasSize(2);
    }

    @Test
    void aListWithoutCertainElementsEndsTheRunEvenWhenBadRowsAreSkipped() throws IOException {
        String good = PAIR.strip();
        for (String broken : List.of(
                "{\"prompt\": \"p, \"chosen\": \"c\"},\n" + good + "]", good + ", {\"prompt\": \"p\"], " + good + "]", "}, " + good + "]", good + ", " + good,
                good + ", {\"prompt\": \"p")) {
            Path file = Files.writeString(temp.resolve("broken.json"), "[" + broken);
            assertBad(file, "broken.json, element ", "not valid JSON", "where the next element begins is not certain");
            assertThatThrownBy(() -> DataFiles.load(List.of(file), SKIP)).isInstanceOf(DataException.class)
                    .hasMessageContaining("where the next element begins is not certain").hasMessageNotContaining("\n");
        }
        Path more = Files.writeString(temp.resolve("more.json"), "[" + good + "] " + good);
        assertThatThrownBy(() -> DataFiles.load(List.of(more), SKIP)).hasMessageContaining("something follows the list");
    }

    @Test
    void parquetThatClaimsLengthsItDoesNotHaveOrAnUnknownCompression() throws SQLException {
        assertBad(resource("text-of-claimed-length.parquet"), "row group 1, column prompt", "damaged there");
        assertBad(resource("lz4-of-hadoop.parquet"), "row group 1, column rejected.list.element.role", "compressed with LZ4; expected one of", "ZSTD");
        assertBad(parquet("brotli.parquet", "SELECT 'p' AS prompt, 'c' AS chosen, 'r' AS rejected", ", COMPRESSION brotli"),
                "brotli.parquet", "compressed with BROTLI");
    }

    private static Path resource(String name) {
        return Path.of("src/test/resources/fuzz/parquet").resolve(name);
    }

    @Test
    void zipBombsOfZstdAndParquet() throws IOException, SQLException {
        Path bomb = temp.resolve("bomb.jsonl.zst");
        try (OutputStream out = new ZstdOutputStream(Files.newOutputStream(bomb))) {
            byte[] blank = new byte[1 << 20];
            Arrays.fill(blank, (byte) '\n');
            for (int i = 0; i < 200; i++) {
                out.write(blank);
            }
        }
        assertBad(bomb, "bomb.jsonl.zst", "more than 500 times its size");
        Path pages = parquet("bomb.parquet", "SELECT repeat('p', 100000) || i AS prompt, 'c' AS chosen, 'r' AS rejected FROM range(3000) t(i)",
                ", COMPRESSION zstd");
        assertBad(pages, "bomb.parquet", "more than 500 times its size");
        Path rows = parquet("rows.parquet", "SELECT repeat('p', 100000) AS prompt, 'c' AS chosen, 'r' AS rejected FROM range(3000) t(i)",
                ", COMPRESSION zstd");
        assertBad(rows, "rows.parquet", "more than 500 times its size");
    }

    @Test
    void parquetWithTextThatIsNotUtf8NamesRowAndColumn() throws SQLException, IOException {
        Path file = parquet("text.parquet", "SELECT 'p' || i AS prompt, 'c' AS chosen, 'r' AS rejected FROM range(9) t(i)",
                ", COMPRESSION uncompressed");
        byte[] bytes = Files.readAllBytes(file);
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("p5");
        bytes[at + 1] = (byte) 0xff;
        Files.write(file, bytes);
        assertBad(file, "text.parquet, row 6", "prompt: not UTF-8");
        assertThat(DataFiles.load(List.of(file), SKIP).rows()).hasSize(8);
    }

    @Test
    void parquetWithNullsNumbersAndOtherColumns() throws SQLException {
        assertBad(parquet("null.parquet", "SELECT 'p' AS prompt, CASE WHEN i = 2 THEN NULL ELSE 'c' END AS chosen, 'r' AS rejected "
                + "FROM range(4) t(i)", ""), "null.parquet, row 3", "chosen: expected a text", "found null");
        assertBad(parquet("number.parquet", "SELECT i AS prompt, 'c' AS chosen, 'r' AS rejected FROM range(4) t(i)", ""),
                "number.parquet, row 1", "prompt: expected a text", "number 0");
        Path more = parquet("more.parquet", "SELECT 'p' AS prompt, 'c' AS chosen, 'r' AS rejected, now() AS made, DATE '2024-01-01' AS day, "
                + "MAP {'a': 1} AS other, 'x'::BLOB AS raw FROM range(4) t(i)", "");
        assertThat(DataFiles.load(List.of(more), DataFiles.Options.STRICT).rows()).hasSize(4);
    }

    @Test
    void aByteOrderMarkIsWrongOfTheWholeFile() throws IOException {
        for (String text : List.of("\ufeff" + PAIR + PAIR, "\ufeff[" + PAIR + "]")) {
            Path file = Files.writeString(temp.resolve("mark.jsonl"), text);
            assertBad(file, "mark.jsonl", "byte-order mark");
            assertThatThrownBy(() -> DataFiles.load(List.of(file), SKIP)).hasMessageContaining("byte-order mark");
        }
        byte[] list = ("[" + PAIR.strip() + "]").getBytes(StandardCharsets.UTF_8);
        list[13] = (byte) 0xff;
        assertBad(Files.write(temp.resolve("list.json"), list), "list.json", "UTF-8");
    }

    @Test
    void damageOfParquetAnywhereIsAMessageOrGoesUnnoticed() throws SQLException, IOException {
        byte[] good = Files.readAllBytes(parquet("good.parquet", "SELECT [{'role': 'user', 'content': 'p' || i}] AS prompt, 'c' || i AS chosen, "
                + "'r' AS rejected, i * 0.5 AS score_chosen FROM range(200) t(i)", ", COMPRESSION zstd"));
        Random random = new Random(6);
        for (int i = 0; i < 300; i++) {
            byte[] bytes = good.clone();
            for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            Path file = Files.write(temp.resolve("damaged.parquet"), bytes);
            try {
                DataFiles.load(List.of(file), DataFiles.Options.STRICT);
            } catch (DataException expected) {
                assertThat(expected.getMessage()).contains("damaged.parquet").doesNotContain("\n");
            }
        }
    }
}
