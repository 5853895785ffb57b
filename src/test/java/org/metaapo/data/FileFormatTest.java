package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.text.Message;

/** What a file is, and what a user is told of files that are not read; Parquet as other writers lay it out. */
class FileFormatTest {
    private static final Path RESOURCES = Path.of("src/test/resources/data");
    private static final String POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 123\n";

    @TempDir
    Path temp;

    private static List<Row> load(Path path) {
        return DataFiles.load(List.of(path), DataFiles.Options.STRICT).rows();
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(temp.resolve(name), bytes);
    }

    private void refuses(String name, byte[] bytes, String... words) throws IOException {
        Path file = write(name, bytes);
        for (Path path : List.of(file, temp.resolve(name.charAt(0) + "*"))) {
            assertThatThrownBy(() -> DataPaths.resolve(path, "train")).isInstanceOf(DataException.class)
                    .hasMessageStartingWith(file + ": ").message().contains(words);
        }
        Files.delete(file);
    }

    private static byte[] latin(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream zipped = new GZIPOutputStream(out)) {
            zipped.write(bytes);
        }
        return out.toByteArray();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "a.csv | prompt,chosen,rejected\\nHi,a,b\\n | a table of comma-separated values (CSV) ~ pandas.read_csv(",
        "a.txt | \"id\";\"prompt\";\"chosen\"\\n1;Hi;a\\n | a table of comma-separated values (CSV)",
        "a.tsv | x\\ty\\n1\\t2\\n | a table of tab-separated values (TSV) ~ sep=\"\\t\"",
        "a.arrow | ARROW1\\0\\0xx | an Arrow or Feather file ~ read_feather",
        "a.arrow | \\377\\377\\377\\377\\20 | an Arrow file ~ datasets.Dataset.from_file(",
        "a.jsonl.xz | \\3757zXZ\\0abc | compressed with xz ~ xz -d",
        "a.jsonl.bz2 | BZh91AY | compressed with bzip2 ~ bzip2 -d",
        "a.jsonl.lz4 | \\4\\\"M\\30abc | compressed with lz4",
        "a.avro | Obj\\1abc | an Avro file ~ write it as Parquet or JSONL",
        "a.parquet | PAREabc | an encrypted Parquet file",
        "a.jsonl | <!DOCTYPE html><html></html> | a web page (HTML) in place of the file itself",
    })
    void whatIsNotReadIsNamedWithWhatToDo(String name, String content, String words) throws IOException {
        refuses(name, latin(content.translateEscapes()), words.split(" ~ "));
    }

    @Test
    void pointersArchivesAndCompressedTables() throws IOException {
        refuses("a.jsonl", latin(POINTER), "a Git LFS pointer in place of the file itself, which has 123 bytes; fetch it with git lfs pull");
        refuses("a.parquet", latin(POINTER), "a Git LFS pointer");
        refuses("a.csv.gz", gzip(latin("prompt,chosen,rejected\na,b,c\n")), "(CSV)");
        refuses("a.parquet.gz", gzip(Files.readAllBytes(RESOURCES.resolve("no-rows.parquet"))), "Parquet inside of another compression");
        byte[] tar = new byte[1024];
        System.arraycopy(latin("pairs.jsonl"), 0, tar, 0, 11);
        System.arraycopy(latin("ustar"), 0, tar, 257, 5);
        refuses("a.tar", tar, "a tar archive", "unpack it");
        refuses("a.tar.gz", gzip(tar), "a tar archive");
        ByteArrayOutputStream zip = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(zip)) {
            out.putNextEntry(new ZipEntry("pairs.jsonl"));
            out.write(latin("{}"));
        }
        refuses("a.zip", zip.toByteArray(), "a zip archive", "unpack it");
    }

    @Test
    void aFolderOfSaveToDiskIsNamed() throws IOException {
        Path split = Files.createDirectories(temp.resolve("saved/train"));
        Files.writeString(temp.resolve("saved/dataset_dict.json"), "{\"splits\": [\"train\"]}");
        Files.writeString(split.resolve("state.json"), "{}");
        Files.writeString(split.resolve("dataset_info.json"), "{}");
        Files.write(split.resolve("data-00000-of-00001.arrow"), new byte[] {-1, -1, -1, -1, 8});
        assertThatThrownBy(() -> DataPaths.resolve(temp.resolve("saved"), "train")).isInstanceOf(DataException.class)
                .hasMessageContaining("of datasets' save_to_disk").hasMessageContaining("datasets.load_from_disk(\"" + split + "\").to_parquet(");
    }

    @Test
    void namesSayNothingWhereTheContentIsJson() throws IOException {
        assertThat(load(write("odd.csv", latin("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n")))).hasSize(1);
    }

    @Test
    void aNameOfTheHubIsToldFromALocalTypo() throws IOException {
        assertThatThrownBy(() -> DataPaths.resolve(Path.of("someone/some-pairs"), "train")).hasMessageContaining("no such file")
                .hasMessageContaining("hf download someone/some-pairs --repo-type dataset --local-dir some-pairs");
        assertThatThrownBy(() -> DataPaths.resolve(Path.of("hf://datasets/someone/some-pairs"), "train")).hasMessageContaining("hf download someone/some-pairs");
        assertThatThrownBy(() -> DataPaths.resolve(Path.of("examples/pears"), "train")).hasMessageNotContaining("Hub");
        assertThatThrownBy(() -> DataPaths.resolve(Path.of("nowhere/pairs.jsonl"), "train")).hasMessageNotContaining("Hub");
    }

    @Test
    void pagesOfOneValueAndOfNone() {
        List<Row> rows = load(RESOURCES.resolve("uf_tinypages.parquet"));
        assertThat(rows).hasSize(5);
        assertThat(rows.get(0).chosen().shown()).isEqualTo("Yo 0 東京");
        for (int i = 0; i < 5; i++) {
            assertThat(rows.get(i).prompt().conversation().turns()).containsExactly(new Message("user", "Hi " + i));
            assertThat(rows.get(i).rejected().shown()).isEqualTo("No " + i);
            assertThat(rows.get(i).scoreChosen()).isEqualTo(8.0);
        }
    }

    @Test
    void structsOfListsAreListsOfStructs() throws IOException {
        List<Row> rows = load(RESOURCES.resolve("structoflists.parquet"));
        assertThat(rows).hasSize(5).allMatch(row -> row.prompt().conversation().turns().equals(List.of(new Message("user", "Hi")))
                && row.chosen().shown().equals("Yo") && row.rejected().shown().equals("No"));
        String scored = "{\"instruction\": \"i\", \"completions\": {\"response\": [\"a\", \"b\"], \"overall_score\": [1, 2]}}\n";
        assertThat(load(write("u.jsonl", latin(scored))).get(0).chosen().shown()).isEqualTo("b");
        Path uneven = write("uneven.jsonl", latin("{\"messages\": {\"role\": [\"user\", \"assistant\"], \"content\": [\"a\"]}}\n"));
        assertThatThrownBy(() -> load(uneven)).isInstanceOf(DataException.class)
                .hasMessageContaining("uneven.jsonl:1: messages: a struct of lists that are not equally long: role has 2 entries, content 1");
    }

    @Test
    void tablesWrittenColumnByColumnAreNamed() throws IOException {
        for (String table : List.of("{\"prompt\": [\"a\", \"b\"], \"chosen\": [\"c\", \"d\"], \"rejected\": [\"e\", \"f\"]}",
                "{\"prompt\": {\"0\": \"a\", \"1\": \"b\"}, \"chosen\": {\"0\": \"c\", \"1\": \"d\"}, \"rejected\": {\"0\": \"e\", \"1\": \"f\"}}")) {
            Path file = write("columns.json", latin(table));
            assertThatThrownBy(() -> load(file)).isInstanceOf(DataException.class)
                    .hasMessageContaining("prompt has the values of 2 rows: a table written column by column").hasMessageContaining("orient=\"records\"");
        }
    }

    @Test
    void anEmptyShardIsAnEmptyShard() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("shards"));
        Files.copy(Path.of("examples/data/pairs.parquet"), folder.resolve("train-00000-of-00002.parquet"));
        Files.copy(RESOURCES.resolve("no-rows.parquet"), folder.resolve("train-00001-of-00002.parquet"));
        int rows = load(Path.of("examples/data/pairs.parquet")).size();
        assertThat(load(folder)).hasSize(rows);
        assertThat(load(folder.resolve("*.parquet"))).hasSize(rows);
        Files.writeString(temp.resolve("e-0.jsonl"), "");
        Files.writeString(temp.resolve("e-1.jsonl"), "\n");
        assertThatThrownBy(() -> load(temp.resolve("e-*.jsonl"))).isInstanceOf(DataException.class).hasMessageContaining("e-0.jsonl and 1 more: no rows");
        // A path of its own that has no row is a mistake, beside others too.
        assertThatThrownBy(() -> DataFiles.load(Arrays.asList(folder, RESOURCES.resolve("no-rows.parquet")), DataFiles.Options.STRICT))
                .hasMessageContaining("no-rows.parquet: no rows");
    }
}
