package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Tokenizer;

/** Rows on disk are those that are tokenized one by one; a cache is taken only when it is whole and made from the same. */
class PreparationTest {
    private static final Path MODEL = Fixtures.path("tiny-qwen2");

    @TempDir
    Path temp;

    private Tokenizer tokenizer;
    private ChatFormat format;
    private final List<String> notes = new ArrayList<>();

    @BeforeEach
    void open() {
        tokenizer = Tokenizer.load(MODEL);
        format = ChatFormat.load(MODEL, tokenizer, new int[] {482}, false);
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private Preparation preparation(int threads, RowFilter filter, boolean dropRepeated, int maxLength, boolean skip, Path... files) {
        return new Preparation(
                List.of(files), new DataFiles.Options("train", skip, 3), Preparation.Need.PAIR, Preparation.Online.TAKE, format, maxLength, maxLength / 2, filter,
                dropRepeated, threads);
    }

    private Preparation preparation(int threads, Path... files) {
        return preparation(threads, RowFilter.NONE, false, 96, false, files);
    }

    private RowStore rows(Preparation preparation, Path folder) {
        return new RowCache(folder, notes::add).rows(preparation, DataFiles.Watch.NONE);
    }

    /** Pairs of all shapes: plain, conversational, with tools, scores and online answers, some of them too long. */
    private Path pairs(String name, int count) throws IOException {
        Random random = new Random(9);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String prompt = "Question " + random.nextInt(1_000_000) + " about 世界 🙂 and more";
            Object turns = List.of(Map.of("role", "system", "content", "Be brief."), Map.of("role", "user", "content", prompt));
            String chosen = "An answer of words. ".repeat(1 + random.nextInt(12)) + i;
            lines.add(Json.write(i % 3 == 0
                    ? Map.of("prompt", prompt, "chosen", chosen, "rejected", "No " + i, "score_chosen", i % 7, "score_rejected", 1.5)
                    : i % 3 == 1
                            ? Map.of("prompt", turns, "chosen", chosen, "rejected", "No " + i, "tools", List.of(Map.of("name", "f", "n", 1.0)))
                            : Map.of("prompt", turns, "chosen", chosen, "rejected", "No " + i, "online_chosen", "x", "online_rejected", "y")));
        }
        return Files.write(temp.resolve(name), lines);
    }

    @Test
    void rowsOnDiskAreThoseTokenizedOneByOne() throws IOException {
        Path file = pairs("pairs.jsonl", 500);
        List<Row> rows = DataFiles.load(List.of(file), new DataFiles.Options("train", false, 3)).rows();
        RowEncoder.Encoded encoded = new RowEncoder(format, 96, 48).encode(rows, false);
        assertThat(encoded.cutAnswers()).isPositive();
        try (RowStore store = rows(preparation(2, file), null)) {
            assertThat(store).hasSize(encoded.rows().size());
            assertThat(store.stats().cutAnswers()).isEqualTo(encoded.cutAnswers());
            assertThat(store.stats().cutPrompts()).isEqualTo(encoded.cutPrompts());
            for (int i = 0; i < store.size(); i++) {
                EncodedRow expected = encoded.rows().get(i);
                EncodedRow stored = store.get(i);
                assertThat(stored.row()).isEqualTo(expected.row());
                assertThat(List.of(stored.prompt(), stored.chosen(), stored.rejected()))
                        .usingRecursiveComparison().isEqualTo(List.of(expected.prompt(), expected.chosen(), expected.rejected()));
                assertThat(List.of(stored.promptTokens(), stored.chosenTokens(), stored.rejectedTokens()))
                        .isEqualTo(List.of(expected.promptTokens(), expected.chosenTokens(), expected.rejectedTokens()));
                assertThat(List.of(stored.promptCut(), stored.chosenCut(), stored.rejectedCut()))
                        .isEqualTo(List.of(expected.promptCut(), expected.chosenCut(), expected.rejectedCut()));
                assertThat(stored.id()).isEqualTo(expected.id());
                assertThat(stored.source()).isEqualTo(expected.source());
                assertThat(store.indexOf(stored)).isEqualTo(i);
            }
            assertThat(store.indexOf(encoded.rows().get(0))).isEqualTo(-1);
        }
    }

    @Test
    void theFileDoesNotDependOnTheThreads() throws IOException {
        Path file = pairs("pairs.jsonl", 700);
        byte[] one = null;
        for (int threads : new int[] {1, 2, 5}) {
            Path folder = temp.resolve("cache" + threads);
            rows(preparation(threads, file), folder).close();
            byte[] bytes = Files.readAllBytes(only(folder));
            one = one == null ? bytes : one;
            assertThat(bytes).isEqualTo(one);
        }
    }

    private static Path only(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1);
            return all.get(0);
        }
    }

    @Test
    void aDamagedOrForeignCacheIsMadeAgain() throws IOException {
        Path file = pairs("pairs.jsonl", 60);
        Path folder = temp.resolve("cache");
        Preparation preparation = preparation(1, file);
        rows(preparation, folder).close();
        Path cache = only(folder);
        byte[] good = Files.readAllBytes(cache);
        rows(preparation, folder).close();
        assertThat(notes).isEmpty();
        Random random = new Random(4);
        List<byte[]> damaged = new ArrayList<>(List.of(new byte[0], "foreign".getBytes(), Arrays.copyOf(good, good.length - 1)));
        for (int i = 0; i < 60; i++) {
            byte[] bytes = good.clone();
            bytes[i < 40 ? i * (good.length / 40) : good.length - 1 - random.nextInt(40)] ^= (byte) (1 << random.nextInt(8));
            damaged.add(bytes);
            damaged.add(Arrays.copyOf(good, random.nextInt(good.length)));
        }
        for (byte[] bytes : damaged) {
            notes.clear();
            Files.write(cache, bytes);
            rows(preparation, folder).close();
            assertThat(notes).hasSize(1).first().asString().contains("it is made again");
            assertThat(Files.readAllBytes(cache)).isEqualTo(good);
        }
    }

    @Test
    void whatMattersMakesAnotherCacheAndWhatDoesNotFindsTheSame() throws IOException {
        Path file = pairs("pairs.jsonl", 30);
        Path folder = temp.resolve("cache");
        rows(preparation(1, file), folder).close();
        rows(preparation(2, file), folder).close();
        only(folder);
        RowFilter filter = new RowFilter(false, 2, 0, null, 0);
        List<Preparation> others = List.of(
                preparation(1, RowFilter.NONE, false, 98, false, file), preparation(1, filter, false, 96, false, file),
                preparation(1, RowFilter.NONE, true, 96, false, file), preparation(1, RowFilter.NONE, false, 96, true, file));
        for (Preparation other : others) {
            rows(other, folder).close();
        }
        Path model = Files.createDirectories(temp.resolve("model"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(MODEL.resolve(name), model.resolve(name));
        }
        String template = "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
                + "{% if add_generation_prompt %}<|im_start|>assistant: {% endif %}";
        Files.writeString(model.resolve("chat_template.jinja"), template);
        format = ChatFormat.load(model, tokenizer, new int[] {482}, false);
        try (Tokenizer changed = Tokenizer.load(model)) {
            format = ChatFormat.load(model, changed, new int[] {482}, false);
            rows(preparation(1, file), folder).close();
            format = ChatFormat.load(model, changed, new int[] {482}, true);
            rows(preparation(1, file), folder).close();
        }
        format = ChatFormat.load(MODEL, tokenizer, new int[] {482}, false);
        Files.writeString(file, Files.readString(file).replace("No 1\"", "No one\""));
        rows(preparation(1, file), folder).close();
        try (var files = Files.list(folder)) {
            assertThat(files).hasSize(1 + others.size() + 3);
        }
    }

    @Test
    void badRowsStopOrAreSkippedAndListedInOrder() throws IOException {
        Path file = pairs("pairs.jsonl", 400);
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        lines.set(70, "{\"prompt\": \"p\", \"chosen\": 3, \"rejected\": \"r\"}");
        lines.set(390, "not json");
        Files.write(file, lines);
        Path folder = temp.resolve("cache");
        assertThatThrownBy(() -> rows(preparation(2, file), folder)).isInstanceOf(DataException.class)
                .hasMessageContaining("pairs.jsonl:71: chosen: expected a text");
        assertThat(folder).doesNotExist();
        try (RowStore store = rows(preparation(2, RowFilter.NONE, false, 96, true, file), folder)) {
            assertThat(store).hasSize(398);
            assertThat(store.stats().bad()).isEqualTo(2);
            assertThat(store.stats().skipped()).hasSize(2);
            assertThat(store.stats().skipped().get(0)).contains("pairs.jsonl:71: chosen");
            assertThat(store.stats().skipped().get(1)).contains("pairs.jsonl, line 391");
            assertThat(store.get(70).id()).as("ids stay with the places of the rows").isEqualTo(71);
            assertThat(store.get(70).source()).endsWith("pairs.jsonl:72");
        }
    }

    @Test
    void aStopWhileRowsAreReadLeavesNothingBehind() throws IOException {
        Path file = pairs("pairs.jsonl", 400);
        Path folder = temp.resolve("cache");
        assertThatThrownBy(() -> new RowCache(folder, notes::add).rows(preparation(2, file), (bytes, all, rows) -> {
            assertThat(bytes).isLessThanOrEqualTo(all);
            if (rows > 100) {
                throw new InterruptedRunException("stop");
            }
        })).isInstanceOf(InterruptedRunException.class);
        try (var files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    private Map<String, Integer> dropped(RowFilter filter, String... rows) throws IOException {
        Path file = Files.write(temp.resolve("rows.jsonl"), List.of(rows));
        try (RowStore store = rows(preparation(1, filter, false, 96, false, file), null)) {
            assertThat(store.size() + store.stats().dropped().values().stream().mapToInt(n -> n).sum()).isEqualTo(rows.length);
            return store.stats().dropped();
        }
    }

    private static String pair(String chosen, String rejected, double scoreChosen, double scoreRejected) {
        return Json.write(Map.of(
                "prompt", "p", "chosen", chosen, "rejected", rejected, "score_chosen", scoreChosen, "score_rejected", scoreRejected));
    }

    @Test
    void filtersLeaveOutAndCountWhatTheyName() throws IOException {
        String good = pair("A good answer.", "A worse answer.", 9, 2);
        String longer = pair("word ".repeat(200), "A worse answer.", 8, 2);
        assertThat(dropped(RowFilter.NONE, good, longer)).isEmpty();
        assertThat(dropped(new RowFilter(true, 0, 0, null, 0), good, longer)).isEqualTo(Map.of("answer too long", 1));
        assertThat(dropped(new RowFilter(false, 4, 0, null, 0), good, pair("Go", "A worse answer.", 9, 2)))
                .isEqualTo(Map.of("answer too short", 1));
        assertThat(dropped(new RowFilter(false, 0, 3, null, 0), good, longer)).isEqualTo(Map.of("lengths of the answers too different", 1));
        assertThat(dropped(new RowFilter(false, 0, 0, 8.5, 0), good, longer)).isEqualTo(Map.of("score too low", 1));
        assertThat(dropped(new RowFilter(false, 0, 0, null, 6.5), good, longer)).isEqualTo(Map.of("scores too close", 1));
        assertThatThrownBy(() -> dropped(
                        new RowFilter(false, 0, 0, 1.0, 0), good, "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}"))
                .isInstanceOf(DataException.class).hasMessageContaining("rows.jsonl:2: no score_chosen, which data.min_score needs");
        assertThatThrownBy(() -> dropped(new RowFilter(false, 0, 0, 10.0, 0), good))
                .hasMessageContaining("no row is left; dropped: {score too low=1}");
    }

    @Test
    void repeatedPromptsAreCountedAndDroppedOnlyWhenAsked() throws IOException {
        String turns = "[{\"role\": \"user\", \"content\": \"p\"}]";
        Path file = Files.write(temp.resolve("rows.jsonl"), List.of(
                "{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"b\"}",
                "{\"prompt\": " + turns + ", \"chosen\": \"a\", \"rejected\": \"b\"}",
                "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"d\"}",
                "{\"prompt\": " + turns + ", \"tools\": [{\"name\": \"f\"}], \"chosen\": \"a\", \"rejected\": \"b\"}"));
        try (RowStore store = rows(preparation(1, file), null)) {
            assertThat(store).hasSize(4);
            assertThat(store.stats().repeatedPrompts()).isEqualTo(1);
            assertThat(store.stats().dropped()).isEmpty();
        }
        try (RowStore store = rows(preparation(1, RowFilter.NONE, true, 96, false, file), null)) {
            assertThat(store.stream().map(EncodedRow::id)).containsExactly(0, 1, 3);
            assertThat(store.stats().repeatedPrompts()).isEqualTo(1);
            assertThat(store.stats().dropped()).isEqualTo(Map.of("prompt of an earlier row", 1));
        }
    }

    @Test
    void anAnswerToImitateIsNotOneWithTheLabelFalse() throws IOException {
        Path file = Files.write(temp.resolve("k.jsonl"), List.of(
                "{\"prompt\": \"p\", \"completion\": \"good\", \"label\": true}", "{\"prompt\": \"p\", \"completion\": \"bad\", \"label\": false}"));
        Preparation sft = new Preparation(
                List.of(file), DataFiles.Options.STRICT, Preparation.Need.ANSWER, Preparation.Online.REFUSE, format, 96, 48, RowFilter.NONE, false, 1);
        try (RowStore store = rows(sft, null)) {
            assertThat(store).hasSize(1);
            assertThat(store.get(0).row().chosen().text()).isEqualTo("good");
            assertThat(store.get(0).rejected()).isNull();
            assertThat(store.stats().dropped()).isEqualTo(Map.of("answer with the label false", 1));
        }
        assertThatThrownBy(() -> rows(preparation(1, file), null)).hasMessageContaining("k.jsonl:1").hasMessageContaining("needs chosen and rejected");
    }
}
