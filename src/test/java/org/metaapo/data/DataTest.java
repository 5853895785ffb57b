package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.files.Fixtures;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.text.Tokenizer;

class DataTest {
    private static final DataFiles.Options SKIP = new DataFiles.Options("train", true, 0);

    @TempDir
    Path temp;

    private Path write(byte[] bytes) throws IOException {
        return Files.write(temp.resolve("rows.jsonl"), bytes);
    }

    private List<Row> load(String text) throws IOException {
        return DataFiles.load(List.of(write(text.getBytes(StandardCharsets.UTF_8))), DataFiles.Options.STRICT).rows();
    }

    @Test
    void plainConversationalExplicitAndImplicitPromptsAreOneRow() throws IOException {
        String user = "{\"role\": \"user\", \"content\": \"Hi\"}";
        String yes = "{\"role\": \"assistant\", \"content\": \"yes\"}";
        String no = "{\"role\": \"assistant\", \"content\": \"no\"}";
        List<Row> rows = load(String.join("\n",
                "{\"prompt\": \"Hi\", \"chosen\": \"yes\", \"rejected\": \"no\", \"score_chosen\": 3}",
                "{\"prompt\": [" + user + "], \"chosen\": [" + yes + "], \"rejected\": [" + no + "]}",
                "",
                "{\"chosen\": [" + user + "," + yes + "], \"rejected\": [" + user + "," + no + "]}",
                "{\"prompt\": \"Hi\", \"chosen\": [" + user + "," + yes + "], \"rejected\": [" + user + "," + no + "]}"));
        assertThat(rows).hasSize(4);
        assertThat(rows.get(0).prompt().isConversation()).isFalse();
        assertThat(rows.get(0).scoreChosen()).isEqualTo(3);
        for (Row row : rows.subList(1, 4)) {
            assertThat(row.prompt().conversation().turns()).containsExactly(new Message("user", "Hi"));
            assertThat(row.chosen().text()).isEqualTo("yes");
            assertThat(row.rejected().text()).isEqualTo("no");
        }
        assertThat(rows.get(2).source()).endsWith("rows.jsonl:4");
        Row sft = load("{\"messages\": [" + user + "," + yes + "]}").get(0);
        assertThat(sft.chosen().text()).isEqualTo("yes");
        assertThat(sft.isPair()).isFalse();
        assertThat(load("{\"prompt\": \"Hi\"}").get(0).chosen()).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"prompt\": \"a\", \"chosen\": \"b\"} | no rejected; a preference row has prompt, chosen, rejected (columns found: prompt, chosen)",
        "{\"question\": \"a\"} | no known layout (columns found: question); the nearest in meaning is prompt: rename question to prompt",
        "{\"prompt\": \"a\", \"chosen\": \"\", \"rejected\": \"c\"} | chosen is empty",
        "{\"prompt\": 3, \"chosen\": \"b\", \"rejected\": \"c\"} | prompt: expected a text or a list of messages",
        "{\"prompt\": \"a\", \"chosen\": null, \"rejected\": \"c\"} | chosen: expected a text",
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\", \"score_chosen\": \"x\"} | score_chosen: expected a number",
        "{\"prompt\": [{\"role\": \"assistant\", \"content\": \"x\"}], \"chosen\": \"b\", \"rejected\": \"c\"} | role assistant; expected user",
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": \"y\"}], \"chosen\": \"b\", \"rejected\": \"c\"} | turn 2: role user; expected assistant",
        "{\"prompt\": [{\"role\": \"robot\", \"content\": \"x\"}], \"chosen\": \"b\", \"rejected\": \"c\"} | expected system, user or assistant",
        "{\"prompt\": \"a\\ud800\", \"chosen\": \"b\", \"rejected\": \"c\"} | lone surrogate U+D800",
        "{\"prompt\": \"a\\u0000\", \"chosen\": \"b\", \"rejected\": \"c\"} | NUL",
        "{\"instruction\": \"a\", \"answers\": []} | the nearest in meaning is prompt, responses: rename instruction to prompt, answers to responses",
        "{\"prompt\": \"a\", \"completion\": \"b\", \"label\": 1} | label: expected true or false, found number 1",
        "{\"prompt\": \"a\", \"responses\": [\"b\", \"c\"], \"scores\": [1]} | scores: 1 numbers for 2 responses",
        "{\"prompt\": [{\"role\": \"user\", \"content\": [{\"text\": \"x\"}]}], \"chosen\": \"b\", \"rejected\": \"c\"} | expected parts with a type",
        "{\"prompt\": [{\"role\": \"user\", \"content\": null}], \"chosen\": \"b\", \"rejected\": \"c\"} | content: expected a text, found null",
        "[1] | rows.jsonl, element 1: expected an object",
        "{\"prompt\": \"a\", \"prompt\": \"b\"} | rows.jsonl, line 1",
        "not json | rows.jsonl, line 1",
    })
    void badRowsAreNamedWithFileLineAndCause(String row, String words) {
        assertThatThrownBy(() -> load(row)).isInstanceOf(DataException.class).hasMessageContaining(words);
    }

    @Test
    void brokenUtf8AndEmptyFilesAreErrors() throws IOException {
        Path broken = write(new byte[] {'{', '"', (byte) 0xc3, '"', '}'});
        assertThatThrownBy(() -> DataFiles.load(List.of(broken), DataFiles.Options.STRICT)).hasMessageContaining("rows.jsonl").hasMessageContaining("UTF-8");
        assertThatThrownBy(() -> load("\n\n")).hasMessageContaining("no rows");
        Files.delete(broken);
        assertThatThrownBy(() -> DataFiles.load(List.of(temp), DataFiles.Options.STRICT))
                .hasMessageContaining("no JSONL, JSON or Parquet files");
    }

    @Test
    void badRowsCanBeSkippedAndAreCounted() throws IOException {
        Path file = write("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n{}\n{\"prompt\": 1}\n".getBytes(StandardCharsets.UTF_8));
        DataFiles.Loaded loaded = DataFiles.load(List.of(file), SKIP);
        assertThat(loaded.rows()).hasSize(1);
        assertThat(loaded.skipped()).hasSize(2).first().asString().contains("rows.jsonl:2");
    }

    @Test
    void aShuffleIsAPermutationFromSeedAndEpochAlone() {
        int[] order = Shuffle.order(1000, 7, 3, true);
        assertThat(Arrays.stream(order).sorted().toArray()).isEqualTo(Shuffle.order(1000, 0, 0, false));
        assertThat(order).isEqualTo(Shuffle.order(1000, 7, 3, true)).isNotEqualTo(Shuffle.order(1000, 7, 4, true));
    }

    private static RowEncoder.Encoded encode(String chosen, String rejected, int maxLength, int maxPrompt) {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-qwen2"))) {
            ChatFormat format = ChatFormat.load(Fixtures.path("tiny-qwen2"), tokenizer, new int[] {482}, false);
            Prompt prompt = new Prompt(Conversation.ask("How does a bicycle stay upright?"));
            Row row = new Row(0, "f:1", prompt, Answer.of(chosen), Answer.of(rejected), null, null, null, null, null, null);
            return new RowEncoder(format, maxLength, maxPrompt).encode(List.of(row), false);
        }
    }

    @Test
    @DisplayName("trl#6548, LlamaFactory#4617: each answer is cut on its own and never to nothing")
    void eachAnswerIsCutOnItsOwnAndNeverToNothing() {
        EncodedRow whole = encode("A moving bicycle steers into a lean.", "It does.", 4096, 2048).rows().get(0);
        assertThat(whole.chosen()).endsWith(482);
        int room = whole.prompt().length + 10;
        EncodedRow cut = encode("A moving bicycle steers into a lean.", "It does.", room, room - 1).rows().get(0);
        assertThat(cut.chosen()).hasSize(10).isEqualTo(Arrays.copyOf(whole.chosen(), 10)).doesNotContain(482);
        assertThat(cut.rejected()).isEqualTo(whole.rejected());
        assertThat(cut.chosenCut()).isEqualTo(whole.chosen().length - 10);
        EncodedRow shortPrompt = encode("A moving bicycle steers into a lean.", "It does.", 6, 5).rows().get(0);
        assertThat(shortPrompt.prompt()).isEqualTo(Arrays.copyOfRange(whole.prompt(), whole.prompt().length - 5, whole.prompt().length));
        assertThat(shortPrompt.chosen()).hasSize(1);
    }

    @Test
    @DisplayName("OpenRLHF#1311: pairs equal after the cut are dropped and counted")
    void pairsThatAreEqualAfterTheCutAreDroppedAndCounted() {
        RowEncoder.Encoded encoded = encode("A moving bicycle steers.", "A moving bicycle falls.", 60, 59);
        EncodedRow whole = encoded.rows().get(0);
        RowEncoder.Encoded cut = encode("A moving bicycle steers.", "A moving bicycle falls.", whole.prompt().length + 2, whole.prompt().length + 1);
        assertThat(cut.rows()).isEmpty();
        assertThat(cut.dropped()).containsEntry("answers equal after the cut", 1);
        assertThat(encode("Same.", "Same.", 4096, 2048).dropped()).containsEntry("answers equal", 1);
    }

    @Test
    void randomDamageGivesAMessageAndNothingElse() throws IOException {
        Random random = new Random(2);
        byte[] good = Files.readAllBytes(Fixtures.path("pairs.jsonl"));
        int inputs = Integer.getInteger("fuzz.inputs", 1000);
        for (int i = 0; i < inputs; i++) {
            byte[] bytes = good.clone();
            for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            Path file = write(Arrays.copyOf(bytes, random.nextInt(10) == 0 ? random.nextInt(bytes.length) : bytes.length));
            assertThatCode(() -> {
                try {
                    DataFiles.load(List.of(file), random.nextBoolean() ? SKIP : DataFiles.Options.STRICT);
                } catch (DataException expected) {
                    assertThat(expected.getMessage()).contains("rows.jsonl");
                }
            }).doesNotThrowAnyException();
        }
    }
}
