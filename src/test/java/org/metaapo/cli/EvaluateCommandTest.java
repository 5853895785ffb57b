package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.metaapo.evaluate.GoldenNumbers;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.alpaca.Annotation;
import org.metaapo.files.Json;

/** Scores from files of judgments on the command line, and what becomes of files that are not in order. */
class EvaluateCommandTest extends AnnotationsTest {
    private static final JsonNode ARENA = GoldenNumbers.read("arena_hard.json.gz");
    private static final JsonNode MT_BENCH = GoldenNumbers.read("mt_bench.json");

    private static void hasFigures(JsonNode found, JsonNode exact) {
        for (String name : List.of("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate")) {
            assertThat(found.path(name).asDouble()).as(name).isCloseTo(exact.path(name).asDouble(), within(1e-9));
        }
        for (String name : List.of("length_controlled_winrate", "lc_standard_error", "C")) {
            assertThat(found.path(name).asDouble()).as(name).isCloseTo(exact.path(name).asDouble(), within(1e-6));
        }
    }

    @Test
    void guarantee7EveryScoreIsRecomputedFromTheAnnotationFileAlone() throws IOException {
        String set = "FuseChat-Gemma-2-9B-Instruct";
        String file = annotations("a.json", annotations(set, "fuse"), rows -> {});
        String null2 = annotations("n.json", annotations("NullModel", "null"), rows -> {});
        evaluate("alpaca-eval", "--annotations", file, null2, "--calibration", calibration(ROWS), "--reference-outputs", reference(ROWS));
        hasFigures(metrics().path("models").get(0), ALPACA.path("sets").path(set).path("golden").path("exact"));
        hasFigures(metrics().path("models").get(1), ALPACA.path("sets").path("NullModel").path("golden").path("exact"));
        assertThat(metrics().path("mode").asText()).isEqualTo("aligned");
        assertThat(metrics().path("calibration_official").asBoolean()).isFalse();
        assertThat(metrics().path("models").get(0).path("avg_length").asInt()).isEqualTo(2155);
        assertThat(err).contains("SHA-256").hasLineCount(1);
        assertThat(out.lines().takeWhile(line -> !line.isEmpty()).map(line -> line.codePointCount(0, line.length())).distinct()).as("aligned").hasSize(1);
        List<String> board = Files.readAllLines(temp.resolve("out/leaderboard.csv"));
        assertThat(board.get(0)).isEqualTo(",win_rate,standard_error,mode,avg_length,n_wins,n_wins_base,n_draws,n_total,discrete_win_rate,"
                + "length_controlled_winrate,lc_standard_error");
        assertThat(board.get(1)).startsWith("fuse,70.49713534560247,");
        assertThat(Files.readAllLines(temp.resolve("out/weights/baseline_base.csv")).get(1)).matches("fuse(,-?[0-9]\\.[0-9]{16}){3}");
        // Rows of other programs, as those of the official one, have no setup of the judge, and are read all the same.
        assertThat(metrics().path("judge_setup").isNull()).isTrue();
    }

    @Test
    void theBaselineAgainstItselfHasFifty() throws IOException {
        evaluate("alpaca-eval", "--calibration", calibration(ROWS), "--reference-outputs", reference(ROWS), "--annotations",
                annotations("a.json", annotations("NullModel", "base"), rows -> rows.forEach(row -> ((ObjectNode) row).put("preference", 1.5))));
        JsonNode model = metrics().path("models").get(0);
        assertThat(List.of(model.path("win_rate").asDouble(), model.path("length_controlled_winrate").asDouble(), model.path("lc_standard_error").asDouble()))
                .isEqualTo(List.of(50.0, 50.0, 0.0));
        assertThat(Files.readAllLines(temp.resolve("out/weights/baseline_base.csv"))).hasSize(1);
    }

    @Test
    void annotationsAreWrittenAsTheOfficialFile() throws IOException {
        String file = annotations("a.json", annotations("NullModel", "null"), rows -> ((ObjectNode) rows.get(0)).put("preference", 1.23456789012345));
        List<Annotation> rows = Annotation.read(Path.of(file));
        Path again = write("again.json", Annotation.text(rows));
        assertThat(Annotation.read(again).get(0).preference()).isEqualTo(1.2345678901);
        assertThat(Annotation.read(again).get(1).preference()).isCloseTo(rows.get(1).preference(), within(1e-10));
        assertThat(Files.readString(again)).contains("\n  \"instruction\" : \"q0\"");
        assertThat(JsonFields.list(again)).hasSize(ROWS);
    }

    @Test
    void guarantee1NothingIsDroppedSilently() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        String some = annotations("some.json", rows, changed -> {
            for (int i = 0; i < 100; i++) {
                changed.remove(0);
            }
            ((ObjectNode) changed.get(0)).putNull("preference");
            ((ObjectNode) changed.get(1)).putNull("preference").put("raw_completion", "Neither.");
            ((ObjectNode) changed.get(2)).put("preference", -1);
            ((ObjectNode) changed.get(3)).put("preference", 2.5);
        });
        assertFails(3, "null: 701 of 805 judged (2 unparsed, 2 failed, 100 missing); judge the rest, or take the part for the whole with --allow-partial",
                "evaluate", "alpaca-eval", "--annotations", some);
        evaluate("alpaca-eval", "--annotations", some, "--allow-partial");
        JsonNode model = metrics().path("models").get(0);
        assertThat(model.path("partial").asBoolean()).isTrue();
        assertThat(List.of(model.path("n_expected").asInt(), model.path("n_judged").asInt(), model.path("n_unparsed").asInt(), model.path("n_failed").asInt(),
                model.path("n_missing").asInt(), model.path("n_total").asInt())).isEqualTo(List.of(805, 701, 2, 2, 100, 701));
        assertThat(err).contains("null: partial, 701 of 805 judged");
        assertFails(3, "nothing is judged", "evaluate", "alpaca-eval", "--allow-partial", "--annotations",
                annotations("none.json", rows, changed -> changed.forEach(row -> ((ObjectNode) row).putNull("preference"))));
    }

    @Test
    void guarantee2AFailedCallIsMissingAndNoLossTieOrScore() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        evaluate("alpaca-eval", "--allow-partial", "--annotations", annotations("a.json", rows, changed -> changed.remove(0)));
        JsonNode without = metrics().path("models").get(0).path("win_rate");
        evaluate("alpaca-eval", "--allow-partial", "--annotations", annotations("b.json", rows, changed -> ((ObjectNode) changed.get(0)).put("preference", -1)));
        assertThat(metrics().path("models").get(0).path("win_rate")).isEqualTo(without);
        String line = "{\"question_id\": %d, \"model\": \"m\", \"judge\": [\"j\", \"p\"], \"turn\": %d, \"judgment\": \"%s\", \"score\": %s}\n";
        String file = write("mt.jsonl", String.format(line, 81, 1, "[[4]]", "4") + String.format(line, 81, 2, "$ERROR$", "-1")
                + String.format(line, 82, 1, "[[11]]", "11")).toString();
        evaluate("mt-bench", "--allow-partial", "--annotations", file);
        JsonNode found = metrics().path("models").get(0);
        assertThat(List.of(found.path("average").asDouble(), found.path("n_judged").asDouble(), found.path("n_unparsed").asDouble(), found.path("n_failed").asDouble()))
                .isEqualTo(List.of(4.0, 1.0, 1.0, 1.0));
        assertThat(found.path("second_turn").isNull()).isTrue();
    }

    @Test
    void guarantee3AnswersAreMatchedByInstruction() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        String reference = reference(ROWS);
        assertFails(3, "1 instructions that the reference does not have: \"q0 \"", "evaluate", "alpaca-eval", "--reference-outputs", reference,
                "--annotations", annotations("a.json", rows, changed -> ((ObjectNode) changed.get(0)).put("instruction", "q0 ")));
        String twice = annotations("b.json", rows, changed -> ((ObjectNode) changed.get(1)).put("instruction", "q0"));
        assertFails(3, "1 instructions once too often: \"q0\"", "evaluate", "alpaca-eval", "--annotations", twice);
        assertFails(3, "1 instructions once too often: \"q0\"", "evaluate", "alpaca-eval", "--reference-outputs", reference, "--annotations", twice);
        String turn = "{\"question_id\": %d, \"model\": \"m\", \"judge\": \"j\", \"turn\": 1, \"score\": 5}\n";
        assertFails(3, "line 2: question 81, turn 1 of m again", "evaluate", "mt-bench", "--annotations",
                write("mt.jsonl", String.format(turn, 81) + String.format(turn, 81)).toString());
        assertFails(3, "line 1: question 7 is not among the 80 questions", "evaluate", "mt-bench", "--annotations",
                write("mt.jsonl", String.format(turn, 7)).toString());
        String game = "{\"uid\": \"%s\", \"category\": \"math\", \"judge\": \"j\", \"model\": \"m\", \"baseline\": \"b\", \"games\": [{\"score\": \"A>B\"}, {\"score\": \"B>A\"}]}\n";
        assertFails(3, "line 2: question u again", "evaluate", "arena-hard", "--annotations",
                write("ah.jsonl", String.format(game, "u") + String.format(game, "u")).toString());
        assertFails(3, "question v of category math is not among the questions", "evaluate", "arena-hard", "--annotations",
                write("ah.jsonl", String.format(game, "v")).toString(), "--questions", write("q.jsonl", "{\"uid\": \"u\", \"category\": \"math\", \"prompt\": \"p\"}\n").toString());
    }

    @Test
    void guarantee4DifficultyFollowsTheInstructionNotTheRow() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        String reference = reference(ROWS);
        String calibration = calibration(ROWS);
        String shuffled = annotations("s.json", rows, changed -> {
            List<JsonNode> list = new ArrayList<>();
            changed.forEach(list::add);
            Collections.shuffle(list, new Random(1));
            changed.removeAll();
            changed.addAll(list);
        });
        evaluate("alpaca-eval", "--annotations", shuffled, "--calibration", calibration, "--reference-outputs", reference);
        JsonNode exact = ALPACA.path("sets").path("NullModel").path("golden").path("exact");
        double aligned = metrics().path("models").get(0).path("length_controlled_winrate").asDouble();
        // The folds follow the rows, the fit does not.
        assertThat(aligned).isCloseTo(exact.path("length_controlled_winrate").asDouble(), within(0.02));
        evaluate("alpaca-eval", "--annotations", shuffled, "--calibration", calibration, "--mode", "compatible");
        assertThat(metrics().path("mode").asText()).isEqualTo("compatible");
        assertThat(metrics().path("models").get(0).path("length_controlled_winrate").asDouble()).isNotCloseTo(aligned, within(1e-3));
        String set = "alpaca-7b_verbose";
        evaluate("alpaca-eval", "--allow-partial", "--mode", "compatible", "--calibration", calibration, "--annotations",
                annotations("v.json", annotations(set, "verbose"), changed -> {}));
        hasFigures(metrics().path("models").get(0), ALPACA.path("sets").path(set).path("golden").path("exact"));
        assertFails(2, "--calibration without --reference-outputs", "evaluate", "alpaca-eval", "--annotations", shuffled, "--calibration", calibration);
        assertFails(3, "--calibration has 700 instructions; expected 805", "evaluate", "alpaca-eval", "--annotations", shuffled,
                "--calibration", calibration(700), "--reference-outputs", reference);
    }

    @Test
    void guarantee6JudgesNeverMix() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        assertFails(3, "row 3: judged by other, rows before it by judge", "evaluate", "alpaca-eval", "--annotations",
                annotations("a.json", rows, changed -> ((ObjectNode) changed.get(2)).put("annotator", "other")));
        assertFails(3, "row 3: judge_setup differs", "evaluate", "alpaca-eval", "--annotations",
                annotations("a.json", rows, changed -> ((ObjectNode) changed.get(2)).putObject("judge_setup").put("temperature", 1)));
        assertFails(3, "row 2: generator_2 other, row 1 has null; expected the answers of one model", "evaluate", "alpaca-eval", "--annotations",
                annotations("a.json", rows, changed -> ((ObjectNode) changed.get(1)).put("generator_2", "other")));
        String one = annotations("one.json", rows, changed -> {});
        String two = annotations("two.json", annotations("NullModel", "other"), changed -> changed.forEach(row -> ((ObjectNode) row).put("annotator", "j2")));
        assertFails(3, "judged by j2, rows before it by judge", "evaluate", "alpaca-eval", "--annotations", one, two);
        String turn = "{\"question_id\": 81, \"model\": \"m\", \"judge\": [\"%s\", \"p\"], \"turn\": %d, \"score\": 5}\n";
        assertFails(3, "line 2: judged by k, rows before it by j", "evaluate", "mt-bench", "--annotations",
                write("mt.jsonl", String.format(turn, "j", 1) + String.format(turn, "k", 2)).toString());
        String game = "{\"uid\": \"%d\", \"category\": \"math\", \"judge\": \"%s\", \"model\": \"%s\", \"baseline\": \"b\", \"games\": [{\"score\": \"A>B\"}, {\"score\": \"B>A\"}]}\n";
        assertFails(3, "line 2: judged by k", "evaluate", "arena-hard", "--annotations",
                write("ah.jsonl", String.format(game, 1, "j", "m") + String.format(game, 2, "k", "m")).toString());
        assertFails(3, "line 2: model n, rows before it have m", "evaluate", "arena-hard", "--annotations",
                write("ah.jsonl", String.format(game, 1, "j", "m") + String.format(game, 2, "j", "n")).toString());
    }

    private String[] arena(String... more) throws IOException {
        JsonNode set = ARENA.path("v2").path("v2_hard_prompt");
        List<String> judged = new ArrayList<>(List.of("arena-hard", "--allow-partial", "--annotations"));
        List<String> answers = new ArrayList<>(List.of("--answers"));
        for (String model : List.of("alpha-7b", "beta-8b", "gamma-9b", "o3-mini-2025-01-31")) {
            StringBuilder lines = new StringBuilder();
            set.path("judgments").forEach(row -> lines.append(row.path("model").asText().equals(model) ? Json.write(row) + "\n" : ""));
            if (lines.length() > 0) {
                judged.add(write(model + ".jsonl", lines.toString()).toString());
            }
            StringBuilder styles = new StringBuilder();
            set.path("metadata").path(model).fields().forEachRemaining(answer -> {
                ObjectNode row = Json.mapper().createObjectNode().put("uid", answer.getKey()).put("model", model);
                row.set("metadata", answer.getValue());
                styles.append(Json.write(row)).append('\n');
            });
            answers.add(write(model + "-answers.jsonl", styles.toString()).toString());
        }
        judged.addAll(answers);
        judged.addAll(Arrays.asList(more));
        return judged.toArray(String[]::new);
    }

    @Test
    void guarantee10StyleControlledScoresNameTheirPool() throws IOException {
        JsonNode set = ARENA.path("v2").path("v2_hard_prompt");
        evaluate(arena());
        JsonNode pool = metrics().path("categories").get(0).path("pools").get(0);
        assertThat(pool.path("pool")).hasToString("[\"alpha-7b\",\"beta-8b\",\"gamma-9b\"]");
        assertThat(pool.path("pool_sha256").asText()).matches("[0-9a-f]{64}");
        assertThat(pool.path("style").path("solver").asText()).isEqualTo("compatible");
        for (JsonNode score : pool.path("style").path("scores")) {
            assertThat(score.path("score").asDouble()).isCloseTo(100 * set.path("official_full_winrate").path(score.path("model").asText()).asDouble(), within(0.01));
        }
        assertThat(pool.path("style").path("coefficients").size()).isEqualTo(8);
        evaluate(arena("--mode", "exact"));
        JsonNode exact = metrics().path("categories").get(0).path("pools").get(0);
        assertThat(exact.path("pool_sha256")).isEqualTo(pool.path("pool_sha256"));
        for (JsonNode score : exact.path("style").path("scores")) {
            assertThat(score.path("score").asDouble()).isCloseTo(100 * set.path("exact_mle_winrate").path(score.path("model").asText()).asDouble(), within(1e-6));
        }
        for (String features : List.of("length", "markdown", "length,markdown")) {
            evaluate(arena("--features", features, "--bootstrap", "5"));
            assertThat(metrics().path("style_features").size()).isEqualTo(features.equals("length") ? 1 : features.equals("markdown") ? 3 : 4);
        }
    }

    @Test
    void guarantee10OneNewModelIsAddedToAFixedPool() throws IOException {
        evaluate(arena());
        JsonNode all = metrics().path("categories").get(0).path("pools").get(0);
        List<String> arguments = new ArrayList<>(Arrays.asList(arena("--pool", temp.resolve("alpha-7b.jsonl").toString(), temp.resolve("gamma-9b.jsonl").toString())));
        arguments.remove(temp.resolve("alpha-7b.jsonl").toString());
        arguments.remove(temp.resolve("gamma-9b.jsonl").toString());
        evaluate(arguments.toArray(String[]::new));
        JsonNode added = metrics().path("categories").get(0);
        assertThat(added.path("models").size()).isEqualTo(1);
        assertThat(added.path("pools").get(0).path("pool_sha256")).isEqualTo(all.path("pool_sha256"));
        for (JsonNode score : added.path("pools").get(0).path("style").path("scores")) {
            all.path("style").path("scores").forEach(other -> {
                if (other.path("model").equals(score.path("model"))) {
                    assertThat(score.path("score").asDouble()).isCloseTo(other.path("score").asDouble(), within(1e-6));
                }
            });
        }
        assertThat(out.lines().skip(1)).singleElement().asString().startsWith("beta-8b ");
    }

    @Test
    void guarantee8ConflictingAndUnknownVerdictsAreCountedAndListed() throws IOException {
        String game = "{\"uid\": \"%s\", \"category\": \"math\", \"judge\": \"j\", \"model\": \"m\", \"baseline\": \"b\", \"games\": [{\"judgment\": {\"answer\": \"%s\"}},"
                + " {\"score\": \"B>A\"}]}\n";
        String file = write("ah.jsonl", String.format(game, "good", "[[A>B]]") + String.format(game, "odd", "[[A>>>B]]")
                + String.format(game, "both", "[[A>B]], no, [[A=B]]") + String.format(game, "silent", "")).toString();
        assertFails(3, "m, math: 2 of 4 judged (1 unparsed, 1 failed, 0 missing, 1 conflicting)", "evaluate", "arena-hard", "--annotations", file);
        evaluate("arena-hard", "--allow-partial", "--annotations", file);
        assertThat(err).contains("category math: 4 questions by the judgments alone; --questions FILE says");
        JsonNode model = metrics().path("categories").get(0).path("models").get(0);
        assertThat(model.path("unparsed_questions")).hasToString("[\"odd\"]");
        assertThat(model.path("conflicting_questions")).hasToString("[\"both\"]");
        // Of a good row both games are lost, of the conflicting one a tie and a loss are left.
        assertThat(metrics().path("categories").get(0).path("pools").get(0).path("no_style").path("scores").get(0).path("score").asDouble()).isEqualTo(12.5);
        evaluate("arena-hard", "--allow-partial", "--protocol", "v0.1", "--annotations", file);
        assertThat(metrics().path("protocol").asText()).isEqualTo("v0.1");
        String turn = "{\"question_id\": 81, \"model\": \"m\", \"judge\": \"j\", \"turn\": %d, \"judgment\": \"%s\"}\n";
        evaluate("mt-bench", "--allow-partial", "--annotations",
                write("mt.jsonl", String.format(turn, 1, "[[3]] [[4]]") + String.format(turn, 2, "[[07]]")).toString());
        assertThat(metrics().path("models").get(0).path("unparsed_questions")).hasToString("[81]");
        assertThat(metrics().path("models").get(0).path("conflicting_questions")).hasToString("[81]");
    }

    @Test
    void guarantee9WinRatesByPositionAreReported() throws IOException {
        ArrayNode rows = annotations("NullModel", "null");
        evaluate("alpaca-eval", "--annotations", annotations("a.json", rows, changed -> changed.forEach(row -> ((ObjectNode) row).put("preference",
                org.metaapo.evaluate.alpaca.OrderSwap.isSwapped(row.path("instruction").asText()) ? 2 : 1))));
        JsonNode model = metrics().path("models").get(0);
        assertThat(model.path("win_rate_shown_first").asDouble()).isEqualTo(100);
        assertThat(model.path("win_rate_shown_second").asDouble()).isZero();
        evaluate(arena("--bootstrap", "5"));
        JsonNode first = metrics().path("categories").get(0).path("models").get(0);
        assertThat(first.path("win_rate_shown_first").asDouble()).isGreaterThan(first.path("win_rate_shown_second").asDouble());
    }

    @Test
    void guarantee12IntervalsHaveTheirSeed() throws IOException {
        StringBuilder lines = new StringBuilder();
        MT_BENCH.path("single").path("rows").forEach(row -> lines.append(Json.write(Json.mapper().createObjectNode().put("question_id", row.get(0).asInt())
                .put("model", row.get(1).asText()).put("judge", "j").put("turn", row.get(2).asInt()).put("score", row.get(3).asDouble()))).append('\n'));
        String file = write("mt.jsonl", lines.toString()).toString();
        List<JsonNode> found = new ArrayList<>();
        for (String seed : List.of("1", "1", "2")) {
            evaluate("mt-bench", "--allow-partial", "--annotations", file, "--seed", seed);
            assertThat(metrics().path("seed").asText()).isEqualTo(seed);
            found.add(metrics().path("models"));
        }
        assertThat(found.get(1)).isEqualTo(found.get(0)).isNotEqualTo(found.get(2));
        assertThat(found.get(2).get(0).path("average")).isEqualTo(found.get(0).get(0).path("average"));
        JsonNode golden = MT_BENCH.path("single").path("golden").path("nu-7b");
        assertThat(found.get(0).get(0).path("average").asDouble()).isCloseTo(golden.path("average").asDouble(), within(1e-12));
        assertThat(found.get(0).get(0).path("categories").path("math").path("average").asDouble())
                .isCloseTo(golden.path("by_category").path("math").asDouble(), within(1e-12));
    }

    @Test
    void aFullComputationIsSmall() throws Exception {
        Path log = temp.resolve("log");
        Process process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "evaluate", "alpaca-eval", "--calibration", calibration(ROWS), "--reference-outputs", reference(ROWS), "--annotations",
                annotations("a.json", annotations("NullModel", "null"), rows -> {})).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    }

    @Test
    void wrongUsageIsToldInALine() throws IOException {
        assertFails(2, "no benchmark is given; expected alpaca-eval, arena-hard, mt-bench", "evaluate");
        assertFails(2, "(see metaapo evaluate mt-bench --help)", "evaluate", "mt-bench");
        assertFails(2, "--features without --answers", "evaluate", "arena-hard", "--features", "length", "--annotations", "x");
        assertFails(3, "no such file", "evaluate", "mt-bench", "--annotations", temp.resolve("absent").toString());
        assertFails(3, "row 1: output_2 is nothing; expected a text", "evaluate", "alpaca-eval", "--annotations",
                write("a.json", "[{\"instruction\": \"q\", \"output_1\": \"a\", \"generator_1\": \"b\"}]").toString());
        assertFails(3, "score is 5.0, its judgment says 6; expected the same", "evaluate", "mt-bench", "--annotations", write("mt.jsonl",
                "{\"question_id\": 81, \"model\": \"m\", \"judge\": \"j\", \"turn\": 1, \"score\": 5, \"judgment\": \"[[6]]\"}\n").toString());
        assertFails(3, "no column preference", "evaluate", "alpaca-eval", "--annotations", "x", "--mode", "compatible",
                "--calibration", write("c.csv", "model,index\nm,1\n").toString());
    }
}
