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
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** Every format and layout of data; Parquet as another program writes it. */
class DataFormatsTest {
    private static final String PAIRS = "{\"prompt\": \"p1\", \"chosen\": \"c1\", \"rejected\": \"r1\", \"score_chosen\": 4.5}\n"
            + "{\"prompt\": \"p2\", \"chosen\": \"ü 世界\", \"rejected\": \"r2\", \"score_chosen\": 3}\n";

    @TempDir
    Path temp;

    private interface Encoder {
        OutputStream wrap(OutputStream out) throws IOException;
    }

    private Path write(String name, String text, Encoder encoder) throws IOException {
        Path file = temp.resolve(name);
        Files.createDirectories(file.getParent());
        try (OutputStream out = encoder.wrap(Files.newOutputStream(file))) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return file;
    }

    private Path write(String name, String text) throws IOException {
        return write(name, text, out -> out);
    }

    private static DataFiles.Loaded load(Path... paths) {
        return DataFiles.load(Arrays.asList(paths), DataFiles.Options.STRICT);
    }

    private static List<String> prompts(Path... paths) {
        return load(paths).rows().stream().map(row -> row.prompt().shown()).toList();
    }

    /** Writes what a query gives. */
    private Path parquet(String name, String query, String options) throws SQLException {
        Path file = temp.resolve(name);
        try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
                Statement statement = connection.createStatement()) {
            statement.execute("COPY (" + query + ") TO '" + file + "' (FORMAT parquet" + options + ")");
        }
        return file;
    }

    @Test
    void plainGzipZstdAndListsGiveTheSameRows() throws IOException {
        List<Row> plain = load(write("a.jsonl", PAIRS)).rows();
        String list = "[" + PAIRS.strip().replace("\n", ",\n") + "]\n";
        for (Path file : List.of(
                write("a.jsonl.gz", PAIRS, GZIPOutputStream::new), write("a.jsonl.zst", PAIRS, ZstdOutputStream::new),
                write("a.json", "\n " + list), write("a.json.gz", list, GZIPOutputStream::new))) {
            List<Row> rows = load(file).rows();
            assertThat(rows).as(file.toString()).hasSameSizeAs(plain);
            for (int i = 0; i < rows.size(); i++) {
                assertThat(rows.get(i)).usingRecursiveComparison().ignoringFields("source").isEqualTo(plain.get(i));
            }
        }
    }

    @Test
    void parquetWithNestedListsOfStructs() throws SQLException {
        String query = "SELECT [{'role': 'user', 'content': 'p' || i}] AS prompt, "
                + "[{'role': 'user', 'content': 'p' || i}, {'role': 'assistant', 'content': 'ü' || i}] AS chosen, "
                + "[{'role': 'user', 'content': 'p' || i}, {'role': 'assistant', 'content': 'r' || i}] AS rejected, "
                + "i * 0.5 AS score_chosen FROM range(1000) t(i)";
        for (String codec : List.of("snappy", "zstd", "gzip", "lz4_raw", "uncompressed")) {
            DataFiles.Loaded loaded = load(parquet(codec + ".parquet", query, ", COMPRESSION " + codec + ", ROW_GROUP_SIZE 300"));
            assertThat(loaded.rows()).hasSize(1000);
            Row row = loaded.rows().get(999);
            assertThat(row.prompt().conversation().turns()).containsExactly(new Message("user", "p999"));
            assertThat(row.chosen().text()).isEqualTo("ü999");
            assertThat(row.rejected().text()).isEqualTo("r999");
            assertThat(row.scoreChosen()).isEqualTo(499.5);
            assertThat(loaded.schemas().values()).containsExactly(Schema.PAIR);
        }
    }

    @Test
    void aParquetFileCutShortIsOneLine() throws SQLException, IOException {
        Path file = parquet("whole.parquet", "SELECT 'p' || i AS prompt, 'c' AS chosen, 'r' AS rejected FROM range(20000) t(i)", "");
        byte[] bytes = Files.readAllBytes(file);
        for (int length : List.of(4, 12, bytes.length / 2, bytes.length - 1)) {
            Path cut = temp.resolve("cut.parquet");
            Files.write(cut, Arrays.copyOf(bytes, length));
            assertThatThrownBy(() -> load(cut)).isInstanceOf(DataException.class).hasMessageContaining("cut.parquet")
                    .hasMessageNotContaining("\n");
        }
        byte[] damaged = bytes.clone();
        Arrays.fill(damaged, 100, 4000, (byte) 0x5a);
        Path broken = temp.resolve("broken.parquet");
        Files.write(broken, damaged);
        assertThatThrownBy(() -> load(broken)).isInstanceOf(DataException.class).hasMessageContaining("broken.parquet");
    }

    @Test
    void patternsFoldersAndSplits() throws IOException {
        write("set/README.md", "a card");
        write("set/dataset_infos.json", "{}");
        write("set/data/train_prefs-00001-of-00002.jsonl", PAIRS.replace("\"p", "\"t1-p"));
        write("set/data/train_prefs-00000-of-00002.jsonl", PAIRS.replace("\"p", "\"t0-p").replace("\"t0-prompt", "\"prompt"));
        write("set/data/train_prefs-00001-of-00002.jsonl", PAIRS.replace("\"p1\"", "\"t1-p1\""));
        write("set/data/test_prefs-00000-of-00001.jsonl", PAIRS.replace("\"p1\"", "\"e-p1\""));
        write("other/train/0000.jsonl", PAIRS);
        write("other/validation/0000.jsonl", PAIRS.replace("\"p1\"", "\"v-p1\""));
        assertThat(prompts(temp.resolve("set"))).containsExactly("t0-p1", "t0-p2", "t1-p1", "p2");
        assertThat(prompts(temp.resolve("set#test_prefs"))).containsExactly("e-p1", "p2");
        assertThat(prompts(temp.resolve("other"))).containsExactly("p1", "p2");
        assertThat(prompts(temp.resolve("other#validation"))).containsExactly("v-p1", "p2");
        assertThat(prompts(temp.resolve("set/data/train_prefs-*.jsonl"))).hasSize(4);
        assertThat(prompts(temp.resolve("set/data/{test,train}_prefs-00000*"))).hasSize(4);
        assertThatThrownBy(() -> load(temp.resolve("other#test")))
                .hasMessageContaining("no split test; there are train, validation; name one as");
        assertThatThrownBy(() -> load(temp.resolve("set/*.parquet"))).hasMessageContaining("no file fits the pattern");
    }

    @Test
    void ultraFeedbacksOwnLayoutIsTheBestAgainstARandomLowerOne() throws IOException {
        String row = "{\"instruction\": \"i\", \"completions\": [{\"response\": \"a\", \"overall_score\": 3}, {\"response\": \"b\", \"overall_score\": 9},"
                + " {\"response\": \"c\", \"overall_score\": 9}, {\"response\": \"d\", \"overall_score\": 1}, {\"response\": \"\", \"overall_score\": 2}]}\n";
        String ties = "{\"instruction\": \"j\", \"completions\": [{\"response\": \"a\", \"overall_score\": 3}, {\"response\": \"b\", \"overall_score\": 3}]}\n";
        DataFiles.Loaded loaded = load(write("u.jsonl", row.repeat(200) + ties));
        assertThat(loaded.schemas().values()).containsExactly(Schema.ULTRAFEEDBACK);
        assertThat(loaded.dropped()).isEqualTo(Map.of("no answer with a lower score", 1));
        assertThat(loaded.rows()).hasSize(200).allMatch(r -> r.chosen().text().equals("b") && r.scoreChosen() == 9);
        assertThat(loaded.rows().stream().filter(r -> r.rejected().text().equals("a")).count()).isBetween(70L, 130L);
        assertThat(loaded.rows().stream().map(Row::rejected).distinct()).containsExactlyInAnyOrder(Answer.of("a"), Answer.of("d"));
        List<Answer> again = load(temp.resolve("u.jsonl")).rows().stream().map(Row::rejected).toList();
        assertThat(again).isEqualTo(loaded.rows().stream().map(Row::rejected).toList());
    }

    @Test
    void unpairedScoredAndPromptRows() throws IOException {
        assertThat(load(write("k.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\", \"label\": false}\n")).rows().get(0).label()).isFalse();
        Row scored = load(write("s.jsonl", "{\"prompt\": \"p\", \"responses\": [\"x\", \"y\"], \"scores\": [1, 2]}\n")).rows().get(0);
        assertThat(List.of(scored.chosen(), scored.rejected())).containsExactly(Answer.of("y"), Answer.of("x"));
        assertThat(load(write("q.jsonl", "{\"prompt\": \"p\"}\n")).rows().get(0).chosen()).isNull();
    }

    @Test
    void toolsDocumentsAndPartsPassThrough() throws IOException {
        String line = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"see \"}, {\"type\": \"text\", \"text\": \"this\"}]},"
                + " {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"name\": \"f\", \"arguments\": {\"x\": 1}}]},"
                + " {\"role\": \"tool\", \"content\": \"7\"}, {\"role\": \"assistant\", \"content\": \"It is 7.\"}],"
                + " \"tools\": [{\"name\": \"f\"}], \"documents\": [{\"text\": \"d\"}]}\n";
        Row row = load(write("m.jsonl", line)).rows().get(0);
        Conversation prompt = row.prompt().conversation();
        assertThat(row.chosen().text()).isEqualTo("It is 7.");
        assertThat(prompt.turns().get(0).content()).isEqualTo("see this");
        assertThat(prompt.turns().get(1).fields()).containsKey("tool_calls");
        assertThat(prompt.tools()).isEqualTo(List.of(Map.of("name", "f")));
        assertThat(prompt.documents()).isEqualTo(List.of(Map.of("text", "d")));
    }

    @Test
    void badFilesAreOneLine() throws IOException {
        Path mixed = write("mixed.jsonl", PAIRS + "{\"prompt\": \"p\", \"completion\": \"c\"}\n");
        assertThatThrownBy(() -> load(mixed)).hasMessageContaining("mixed.jsonl:3: has prompt, completion, the rows before it prompt, chosen, rejected");
        Path cut = write("cut.json", "[{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}, ");
        assertThatThrownBy(() -> load(cut)).isInstanceOf(DataException.class).hasMessageContaining("cut.json").hasMessageContaining("not valid JSON");
        Path more = write("more.json", "[{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}] x");
        assertThatThrownBy(() -> load(more)).isInstanceOf(DataException.class).hasMessageContaining("more.json");
        Path gz = write("cut.jsonl.gz", PAIRS.repeat(1000), GZIPOutputStream::new);
        Files.write(gz, Arrays.copyOf(Files.readAllBytes(gz), 60));
        assertThatThrownBy(() -> load(gz)).isInstanceOf(DataException.class).hasMessageContaining("cut.jsonl.gz");
        byte[] member = Files.readAllBytes(write("member.jsonl.gz", PAIRS, GZIPOutputStream::new));
        byte[] both = Arrays.copyOf(member, 2 * member.length);
        System.arraycopy(member, 0, both, member.length, member.length);
        Path members = temp.resolve("members.jsonl.gz");
        Files.write(members, both);
        assertThat(load(members).rows()).hasSize(2 * load(temp.resolve("member.jsonl.gz")).rows().size());
        for (int kept : new int[] {7, 3, member.length - 1}) {
            Files.write(members, Arrays.copyOf(both, member.length + kept));
            assertThatThrownBy(() -> load(members)).isInstanceOf(DataException.class).hasMessageContaining("members.jsonl.gz");
        }
        both[member.length + 1] ^= 1;
        Files.write(members, both);
        assertThatThrownBy(() -> load(members)).isInstanceOf(DataException.class).hasMessageContaining("members.jsonl.gz");
        Path bomb = temp.resolve("bomb.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(bomb))) {
            byte[] blank = new byte[1 << 20];
            Arrays.fill(blank, (byte) '\n');
            for (int i = 0; i < 300; i++) {
                out.write(blank);
            }
        }
        assertThatThrownBy(() -> load(bomb)).isInstanceOf(DataException.class).hasMessageContaining("more than 500 times its size");
        Path mark = write("mark.jsonl", "\ufeff" + PAIRS);
        assertThatThrownBy(() -> load(mark)).hasMessageContaining("byte-order mark");
        Path empty = write("empty.jsonl", "");
        assertThatThrownBy(() -> load(empty)).hasMessageContaining("no rows");
    }
}
