package org.metaapo.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.alpaca.ModelOutput;
import org.metaapo.evaluate.arena.ArenaAnswer;
import org.metaapo.evaluate.arena.ArenaQuestions;
import org.metaapo.evaluate.arena.ArenaStyles;
import org.metaapo.evaluate.mtbench.MtBenchAnswer;
import org.metaapo.evaluate.mtbench.MtBenchQuestions;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleCounts;

/** The benchmarks' files of questions and answers, in their newer and older forms. */
class BenchmarkFilesTest {
    private static final String ANSWER = "# Title\n- one\n- **two**";

    @TempDir
    Path temp;

    private Path write(String text) throws IOException {
        return Files.writeString(temp.resolve("file"), text);
    }

    private static String lines(ObjectNode... rows) {
        return JsonFields.text(List.of(rows).stream().map(row -> new JsonFields(row, "")).toList());
    }

    @Test
    void arenaAnswersAreReadAsTheyAreWritten() throws IOException {
        AnswerStyle style = new AnswerStyle(12, StyleCounts.of(ANSWER));
        ObjectNode line = ArenaAnswer.line("u", "a1", "m", "Why?", ANSWER, 1.5, style);
        Path file = write(lines(line));
        assertThat(ArenaAnswer.read(file)).singleElement().satisfies(answer ->
                assertThat(List.of(answer.question(), answer.model(), answer.text())).isEqualTo(List.of("u", "m", ANSWER)));
        assertThat(ArenaStyles.read(List.of(file), null).of("u", "m")).isEqualTo(style);
        line.remove("metadata");
        Path plain = write(lines(line));
        assertThat(ArenaStyles.read(List.of(plain), String::length).of("u", "m")).isEqualTo(new AnswerStyle(ANSWER.length(), style.counts()));
        assertThatThrownBy(() -> ArenaStyles.read(List.of(plain), null)).isInstanceOf(DataException.class).hasMessageContaining("no metadata.token_len");
        assertThatThrownBy(() -> ArenaStyles.read(List.of(plain), String::length).of("v", "m")).hasMessageContaining("no answer to question v");
        assertThatThrownBy(() -> ArenaStyles.read(List.of(plain), String::length).of("u", "n")).hasMessageContaining("no file of n");
        Path old = write("{\"question_id\": \"q\", \"model_id\": \"m\", \"choices\": [{\"index\": 0, \"turns\": [{\"content\": \"**b**\"}]}], \"conv_metadata\": {\"token_len\": 3}}\n");
        assertThat(ArenaStyles.read(List.of(old), null).of("q", "m").values()).containsExactly(3, 0, 0, 1);
        Path two = write(lines(ArenaAnswer.line("u", "a", "m", "p", "x", 0, style), ArenaAnswer.line("v", "b", "n", "p", "x", 0, style)));
        assertThatThrownBy(() -> ArenaAnswer.read(two)).isInstanceOf(DataException.class).hasMessageContaining("line 2: model n, rows before it have m");
    }

    @Test
    void mtBenchAnswersAreReadAsTheyAreWritten() throws IOException {
        Path file = write(lines(MtBenchAnswer.line(81, "a", "m", List.of("one", "two"), 2)));
        assertThat(MtBenchAnswer.read(file).get(0).turns()).containsExactly("one", "two");
        Path twice = write(lines(MtBenchAnswer.line(81, "a", "m", List.of("1", "2"), 2), MtBenchAnswer.line(81, "b", "m", List.of("1", "2"), 2)));
        assertThatThrownBy(() -> MtBenchAnswer.read(twice)).isInstanceOf(DataException.class).hasMessageContaining("question 81 again");
        Path none = write("{\"question_id\": 81, \"model_id\": \"m\", \"choices\": []}\n");
        assertThatThrownBy(() -> MtBenchAnswer.read(none)).hasMessageContaining("choices[0].turns is nothing");
    }

    @Test
    void questionsHaveTheirTextsAndCategories() throws IOException {
        ArenaQuestions.Question arena = ArenaQuestions.read(write("{\"uid\": \"u\", \"category\": \"math\", \"prompt\": \"p\"}\n")).list().get(0);
        assertThat(arena).isEqualTo(new ArenaQuestions.Question("u", "math", "p"));
        assertThat(ArenaQuestions.read(write("{\"question_id\": \"q\", \"cluster\": \"c\", \"turns\": [{\"content\": \"p\"}]}\n")).list().get(0).prompt()).isEqualTo("p");
        MtBenchQuestions mtBench = MtBenchQuestions.read(write("{\"question_id\": 81, \"category\": \"math\", \"turns\": [\"a\", \"b\"], \"reference\": [\"c\", \"d\"]}\n"));
        assertThat(mtBench.list().get(0)).isEqualTo(new MtBenchQuestions.Question(81, "math", List.of("a", "b"), List.of("c", "d")));
        Path noTurns = write("{\"question_id\": 81, \"category\": \"math\"}\n");
        assertThatThrownBy(() -> MtBenchQuestions.read(noTurns)).isInstanceOf(DataException.class).hasMessageContaining("turns is nothing; expected a list of texts");
    }

    @Test
    void modelOutputsAreOfOneModel() throws IOException {
        String row = "{\"instruction\": \"i\", \"output\": \"o\", \"generator\": \"%s\"}";
        assertThat(ModelOutput.read(write("[" + String.format(row, "m") + "]")).get(0).dataset()).isNull();
        Path two = write("[" + String.format(row, "m") + ", " + String.format(row, "n") + "]");
        assertThatThrownBy(() -> ModelOutput.read(two)).isInstanceOf(DataException.class).hasMessageContaining("row 2: generator n, row 1 has m");
        Path object = write("{}");
        assertThatThrownBy(() -> ModelOutput.read(object)).hasMessageContaining("expected a list of objects");
    }

    @Test
    void tablesInCsvMayHaveQuotes() {
        CsvFile csv = CsvFile.parse("a,b\r\n\"x, \"\"y\"\"\n\",2\n", "t");
        assertThat(csv.text(0, "a")).isEqualTo("x, \"y\"\n");
        assertThat(csv.number(0, "b")).isEqualTo(2);
        assertThat(CsvFile.cell("x, \"y\"")).isEqualTo("\"x, \"\"y\"\"\"");
        assertThatThrownBy(() -> CsvFile.parse("a,b\n1\n", "t")).isInstanceOf(DataException.class).hasMessageContaining("t, line 2: 1 cells; expected 2");
        assertThatThrownBy(() -> CsvFile.parse("a\nnan\n", "t").number(0, "a")).hasMessageContaining("expected a number");
    }
}
