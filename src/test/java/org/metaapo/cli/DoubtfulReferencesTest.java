package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Json;

/** Questions whose reference is doubtful: they count, are listed and marked, and figures without them stand beside. */
class DoubtfulReferencesTest extends AnnotationsTest {
    private static final int[][] RATINGS = {{81, 1, 8}, {81, 2, 6}, {101, 1, 2}, {101, 2, 4}, {111, 1, 9}, {111, 2, 7}};

    private String questions() throws IOException {
        return write("questions.jsonl", """
                {"question_id": 81, "category": "writing", "turns": ["Write.", "More."]}
                {"question_id": 101, "category": "reasoning", "turns": ["Think.", "More."]}
                {"question_id": 111, "category": "math", "turns": ["Count.", "More."]}
                """).toString();
    }

    private String ratings(String name, int more) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int[] rating : RATINGS) {
            lines.append(Json.write(Map.of("question_id", rating[0], "model", "mine", "judge", "j", "turn", rating[1], "score", rating[2] + (rating[0] == 101 ? more : 0)))).append('\n');
        }
        return write(name, lines.toString()).toString();
    }

    private JsonNode page() throws IOException {
        String html = Files.readString(temp.resolve("out/evaluation.html"));
        String start = "<script id=\"data\" type=\"application/json\">";
        int at = html.indexOf(start) + start.length();
        return Json.parse(html.substring(at, html.indexOf("</script>", at)), "page");
    }

    @Test
    void guarantee12DoubtfulReferencesAreListedAndFiguresWithoutThemStandBeside() throws IOException {
        for (String list : List.of("101\n", "[101]", "[\"101\"]")) {
            evaluate("mt-bench", "--annotations", ratings("r.jsonl", 0), "--questions", questions(), "--doubtful", write("doubtful.txt", list).toString());
            assertThat(err).contains("1 questions are doubtful (101): they count, and figures without them stand beside").hasLineCount(1);
            assertThat(metrics().path("doubtful").path("n_doubtful").asInt()).isEqualTo(1);
            assertThat(metrics().path("doubtful").path("questions")).hasToString("[\"101\"]");
            JsonNode with = metrics().path("models").path(0);
            JsonNode without = metrics().path("without_doubtful").path("models").path(0);
            // (8 + 6 + 2 + 4 + 9 + 7) / 6 and (8 + 6 + 9 + 7) / 4.
            assertThat(List.of(with.path("average").asDouble(), without.path("average").asDouble())).isEqualTo(List.of(6.0, 7.5));
            assertThat(List.of(with.path("first_turn").asDouble(), without.path("first_turn").asDouble())).isEqualTo(List.of(19.0 / 3, 8.5));
            assertThat(List.of(with.path("n_expected").asInt(), without.path("n_expected").asInt(), without.path("n_judged").asInt())).isEqualTo(List.of(6, 4, 4));
            assertThat(with.path("categories").has("reasoning")).isTrue();
            assertThat(without.path("categories").has("reasoning")).isFalse();
            assertThat(out).contains("without 1 doubtful questions");
            assertThat(page().path("items")).hasSize(6).allSatisfy(item ->
                    assertThat(item.path("doubtful").asBoolean()).isEqualTo(item.path("id").asText().startsWith("101")));
            assertThat(page().path("models").path(0).path("without_doubtful").path(0).asDouble()).isEqualTo(7.5);
        }
        // Of repeats too, and beside other models: the doubtful question has 3 and 3 points more in the second repeat, 8 and 10.
        evaluate("mt-bench", "--annotations", ratings("r.jsonl", 0), ratings("s.jsonl", 6), "--questions", questions(), "--doubtful", temp.resolve("doubtful.txt").toString(), "--repeats", "2");
        assertThat(metrics().path("models").path(0).path("average").asDouble()).isEqualTo(7);
        assertThat(metrics().path("without_doubtful").path("models").path(0).path("average").asDouble()).isEqualTo(7.5);
        assertThat(metrics().path("doubtful").path("questions")).hasToString("[\"101\"]");
        assertThat(out).containsPattern("mine +average +7\\.00 +6\\.00 +8\\.00").containsPattern("mine, without doubtful +average +7\\.50 +7\\.50 +7\\.50");
        evaluate("compare", ratings("r.jsonl", 0), "--questions", questions(), "--doubtful", temp.resolve("doubtful.txt").toString());
        assertThat(metrics().path("without_doubtful").path("models").path(0).path("average").asDouble()).isEqualTo(7.5);
    }

    @Test
    void guarantee12QuestionsThatAreNotThereAreNotDoubtful() throws IOException {
        String[] command = {"evaluate", "mt-bench", "--annotations", ratings("r.jsonl", 0), "--questions", questions(), "--doubtful", write("doubtful.txt", "101\n102\nx\n").toString()};
        assertFails(3, "2 questions that the benchmark does not have: 102, x; expected ids", command);
        write("doubtful.txt", "101\n101\n");
        assertFails(3, "101 again; expected each once", command);
        write("doubtful.txt", "\n");
        assertFails(3, "no questions; expected a question's id or an instruction a line", command);
        write("doubtful.txt", "[1.5]");
        assertFails(3, "expected questions' ids or instructions", command);
        write("doubtful.txt", "[101, 81, 111]");
        assertFails(3, "mine: --doubtful", command);
    }

    @Test
    void guarantee12AnInstructionIsLeftOutWithItsDifficulty() throws IOException {
        String set = "FuseChat-Gemma-2-9B-Instruct";
        List<Integer> doubtful = List.of(0, 3, 400, 804);
        String listed = write("doubtful.json", Json.write(doubtful.stream().map(i -> "q" + i).toList())).toString();
        String[] given = {"--calibration", calibration(ROWS), "--reference-outputs", reference(ROWS)};
        for (String mode : List.of("aligned", "compatible")) {
            List<String> command = new ArrayList<>(List.of("alpaca-eval", "--mode", mode, "--doubtful", listed, "--annotations", annotations("a.json", annotations(set, "fuse"), rows -> {})));
            command.addAll(List.of(given));
            evaluate(command.toArray(String[]::new));
            JsonNode whole = metrics();
            assertThat(whole.path("models").path(0).path("n_total").asInt()).isEqualTo(805);
            // A file that never had these rows, each of the others with the difficulty of its own instruction.
            evaluate("alpaca-eval", "--allow-partial", "--annotations", annotations("b.json", annotations(set, "fuse"), rows -> {
                for (int k = doubtful.size() - 1; k >= 0; k--) {
                    rows.remove(doubtful.get(k));
                }
            }), given[0], given[1], given[2], given[3]);
            for (String name : List.of("win_rate", "standard_error", "discrete_win_rate", "length_controlled_winrate", "lc_standard_error")) {
                assertThat(whole.path("without_doubtful").path("models").path(0).path(name).asDouble()).as(name)
                        .isEqualTo(metrics().path("models").path(0).path(name).asDouble(), within(1e-12));
            }
            assertThat(whole.path("without_doubtful").path("models").path(0).path("n_expected").asInt()).isEqualTo(801);
            assertThat(whole.path("without_doubtful").path("models").path(0).path("partial").asBoolean()).isFalse();
        }
    }

    @Test
    void guarantee12ArenaHardHasThemToo() throws IOException {
        StringBuilder questions = new StringBuilder();
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            questions.append("{\"uid\": \"u" + i + "\", \"category\": \"hard_prompt\", \"prompt\": \"Ask\"}\n");
            ObjectNode row = Json.mapper().createObjectNode().put("uid", "u" + i).put("category", "hard_prompt").put("judge", "j").put("model", "mine").put("baseline", "base");
            row.withArray("games").addObject().put("score", i < 3 ? "B>A" : "A>B");
            row.withArray("games").addObject().put("score", i < 3 ? "A>B" : "B>A");
            rows.append(Json.write(row)).append('\n');
        }
        evaluate("arena-hard", "--annotations", write("mine.jsonl", rows.toString()).toString(), "--questions", write("q.jsonl", questions.toString()).toString(),
                "--doubtful", write("doubtful.txt", "u0\nu1\n").toString());
        // Three wins of four, one of two.
        assertThat(metrics().at("/categories/0/pools/0/no_style/scores/0/score").asDouble()).isEqualTo(75);
        assertThat(metrics().at("/without_doubtful/categories/0/pools/0/no_style/scores/0/score").asDouble()).isEqualTo(50);
        assertThat(metrics().at("/without_doubtful/categories/0/models/0/n_expected").asInt()).isEqualTo(2);
        assertThat(page().path("items")).extracting(item -> item.path("doubtful").asBoolean()).containsExactly(true, true, false, false);
    }
}
