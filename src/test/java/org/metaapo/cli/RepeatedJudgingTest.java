package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.cli.JudgeStub.Fault;
import org.metaapo.files.Json;

/** Questions that are judged several times: each repeat has its calls, its files and its scores, and the figures are medians beside their spread. */
class RepeatedJudgingTest extends CommandTest {
    private static final String PROMPT = "<|im_start|>user\n{instruction} m: {output_1} M: {output_2}\n<|im_end|>\n";

    private String path(String name) {
        return temp.resolve(name).toString();
    }

    private static String lines(Path file, Object... rows) throws IOException {
        StringBuilder text = new StringBuilder();
        for (Object row : rows) {
            text.append(Json.write(row)).append('\n');
        }
        return Files.writeString(file, text).toString();
    }

    private static String outputs(Path file, String generator, int size) throws IOException {
        return Files.writeString(file, Json.write(IntStream.range(0, size).mapToObj(i ->
                Map.of("dataset", "d", "instruction", "Say " + i + ".", "output", generator + " " + i, "generator", generator)).toList())).toString();
    }

    private static String[] alpaca(Path folder, int size, String url, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of("evaluate", "alpaca-eval", "--answers", outputs(folder.resolve("answers.json"), "mine", size), "--reference-outputs",
                outputs(folder.resolve("reference.json"), "base", size), "--prompt", Files.writeString(folder.resolve("prompt.txt"), PROMPT).toString(), "--judge", url,
                "--judge-model", "judge", "--out", folder.resolve("out").toString(), "--judge-parallel", "1", "--quiet"));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    /** A judge for which the model's answer is worth something else each time it is asked. */
    private static JudgeStub moody(double[][] worth) throws IOException {
        Map<String, Integer> asked = new HashMap<>();
        return new JudgeStub((prompt, attempt) -> Fault.NONE, (request, prompt) -> {
            int repeat = asked.merge(prompt, 1, Integer::sum) - 1;
            double share = worth[repeat % worth.length][Integer.parseInt(prompt.replaceFirst("(?s).*Say ([0-9]+)\\..*", "$1")) % worth[0].length];
            boolean isModelFirst = prompt.indexOf("mine") < prompt.indexOf("base");
            return JudgeStub.labels(Map.of(isModelFirst ? "m" : "M", Math.log(share), isModelFirst ? "M" : "m", Math.log(1 - share)));
        });
    }

    private JsonNode metrics(String folder) {
        return Json.read(temp.resolve(folder).resolve("metrics.json"));
    }

    private JsonNode page(String folder) throws IOException {
        String html = Files.readString(temp.resolve(folder).resolve("evaluation.html"));
        String start = "<script id=\"data\" type=\"application/json\">";
        int at = html.indexOf(start) + start.length();
        return Json.parse(html.substring(at, html.indexOf("</script>", at)), "page");
    }

    private static void hasSpread(JsonNode object, String name, double median, double... each) {
        assertThat(object.path(name).asDouble()).as(name).isEqualTo(median, within(1e-9));
        JsonNode spread = object.path("spread").path(name);
        assertThat(spread.path("lowest").asDouble()).as(name).isEqualTo(Arrays.stream(each).min().orElseThrow(), within(1e-9));
        assertThat(spread.path("highest").asDouble()).as(name).isEqualTo(Arrays.stream(each).max().orElseThrow(), within(1e-9));
        assertThat(spread.path("repeats")).as(name).hasSize(each.length);
        for (int r = 0; r < each.length; r++) {
            assertThat(spread.path("repeats").path(r).asDouble()).as(name).isEqualTo(each[r], within(1e-9));
        }
    }

    @Test
    void guarantee12RepeatsHaveTheMedianOfTheirScoresAndItsSpread() throws IOException {
        try (JudgeStub stub = moody(new double[][] {{0.8, 0.2, 0.6, 0.4}, {0.9, 0.3, 0.6, 0.6}, {0.1, 0.3, 0.4, 0.6}})) {
            String[] command = alpaca(temp, 4, stub.url(), "--repeats", "3");
            assertThat(run(command)).as(err).isZero();
            assertThat(stub.paid).hasSize(4).allSatisfy((prompt, times) -> assertThat(times.get()).isEqualTo(3));
            // Means 0.5, 0.6, 0.35; squared deviations 0.2, 0.18, 0.13, so that the standard error is √(sum / 3 / 4): 12.9099, 12.2474, 10.4083.
            JsonNode model = metrics("out").path("models").path(0);
            assertThat(metrics("out").path("repeats").asInt()).isEqualTo(3);
            hasSpread(model, "win_rate", 50, 50, 60, 35);
            hasSpread(model, "standard_error", 100 * Math.sqrt(0.18 / 12), 100 * Math.sqrt(0.2 / 12), 100 * Math.sqrt(0.18 / 12), 100 * Math.sqrt(0.13 / 12));
            hasSpread(model, "discrete_win_rate", 50, 50, 75, 25);
            hasSpread(model, "n_wins", 2, 2, 3, 1);
            assertThat(model.path("n_total").asInt()).isEqualTo(4);
            assertThat(model.path("spread").has("n_total")).isFalse();
            assertThat(out).contains("median").containsPattern("mine +win_rate +50\\.00 +35\\.00 +60\\.00 +50\\.00, 60\\.00, 35\\.00");
            // Each repeat has its own file, and its scores are those of that file alone.
            double[] rates = {50, 60, 35};
            List<String> again = new ArrayList<>(List.of("evaluate", "alpaca-eval", "--reference-outputs", path("reference.json"), "--out", path("again"), "--repeats", "3", "--annotations"));
            for (int r = 1; r <= 3; r++) {
                String file = path("out/repeat-" + r + "/judge/annotations.json");
                int number = r;
                assertThat(Json.read(Path.of(file))).hasSize(4).allSatisfy(row -> assertThat(row.path("repeat").asInt()).isEqualTo(number));
                assertThat(metrics("out/repeat-" + r).path("models").path(0).path("win_rate").asDouble()).isEqualTo(rates[r - 1], within(1e-9));
                assertThat(run("evaluate", "alpaca-eval", "--annotations", file, "--reference-outputs", path("reference.json"), "--out", path("one"))).as(err).isZero();
                assertThat(metrics("one").path("models")).isEqualTo(metrics("out/repeat-" + r).path("models"));
                again.add(file);
            }
            // All files together, in whichever order, give what judging gave.
            Collections.swap(again, again.size() - 1, again.size() - 3);
            assertThat(run(again.toArray(String[]::new))).as(err).isZero();
            assertThat(metrics("again").path("models")).isEqualTo(metrics("out").path("models"));
            JsonNode page = page("out");
            assertThat(page.path("items")).hasSize(4).allSatisfy(item -> assertThat(item.path("by")).extracting(by -> by.path("repeat").asInt()).containsExactly(1, 2, 3));
            // All twelve judgments of four questions: the mean of the three means.
            assertThat(page.path("models").path(0).path("mean").path(0).asDouble()).isEqualTo(145.0 / 3, within(1e-9));
            assertThat(page.path("spread")).extracting(figure -> figure.path("name").asText()).containsExactly("win_rate", "discrete_win_rate");
            assertThat(run("evaluate", "compare", path("out"), "--reference-outputs", path("reference.json"), "--repeats", "3", "--out", path("compared"))).as(err).isZero();
            assertThat(metrics("compared").path("models")).isEqualTo(metrics("out").path("models"));
            // Nothing is asked anew, and one repeat more is one call a question more.
            assertThat(run(command)).isZero();
            assertThat(stub.requests()).isEqualTo(12);
            assertThat(run(alpaca(temp, 4, stub.url()))).isZero();
            assertThat(run(alpaca(temp, 4, stub.url(), "--repeats", "4"))).isZero();
            assertThat(stub.requests()).isEqualTo(16);
            // Of four the median is the mean of the two in the middle: 50, 60, 35, 50.
            hasSpread(metrics("out").path("models").path(0), "win_rate", 50, 50, 60, 35, 50);
        }
    }

    @Test
    void guarantee12WhatIsNoSetOfRepeatsIsRefused() throws IOException {
        try (JudgeStub stub = moody(new double[][] {{0.8, 0.2}, {0.9, 0.3}})) {
            assertThat(run(alpaca(temp, 2, stub.url(), "--repeats", "2"))).as(err).isZero();
            String one = path("out/repeat-1/judge/annotations.json");
            String two = path("out/repeat-2/judge/annotations.json");
            String[] base = {"evaluate", "alpaca-eval", "--allow-partial", "--annotations", one, two};
            assertFails(3, "model mine is given twice; expected each once, or --repeats N", base);
            assertFails(3, "mine: judged 2 times; expected 3 by --repeats 3", with(base, "--repeats", "3"));
            assertFails(3, "repeat 1 of mine again; expected each once", "evaluate", "alpaca-eval", "--annotations", one, one, "--repeats", "2");
            String other = write("other.json", Files.readString(Path.of(two)).replace("mine 1", "mine 2")).toString();
            assertFails(3, "another answer than in the repeat before is judged", "evaluate", "alpaca-eval", "--annotations", one, other, "--repeats", "2");
            String judge = write("judge.json", Files.readString(Path.of(two)).replace("\"judge\"", "\"Judy\"")).toString();
            assertFails(3, "judged by Judy, rows before it by judge", "evaluate", "alpaca-eval", "--annotations", one, judge, "--repeats", "2");
            assertFails(2, "has repeats; expected --repeats N", "evaluate", "compare", path("out"), "--out", path("c"));
            assertFails(2, "repeat-3 is not there", "evaluate", "compare", path("out"), "--repeats", "3", "--out", path("c"));
            assertFails(2, "--repeats is 0; expected 1 to 1000", with(base, "--repeats", "0"));
            assertFails(2, "--repeats with --reward", "evaluate", "alpaca-eval", "--answers", path("answers.json"), "--reward", fixture("tiny-rm"), "--repeats", "2", "--out", path("r"));
        }
    }

    private static String[] with(String[] command, String... more) {
        List<String> all = new ArrayList<>(Arrays.asList(command));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    @Test
    void guarantee12BudgetAndDryRunHoldForRepeats() throws IOException {
        try (JudgeStub stub = moody(new double[][] {{0.8, 0.3}})) {
            assertThat(run(alpaca(temp, 10, stub.url(), "--repeats", "3", "--dry-run", "--price", "1000,1000"))).as(err).isZero();
            assertThat(out).contains("calls 30 (in the cache already: 0)");
            assertThat(stub.requests()).isZero();
            // A call is 0.101; what the second has still needs is kept back.
            assertThat(run(alpaca(temp, 10, stub.url(), "--repeats", "3", "--price", "1000,1000", "--budget", "1.6"))).isEqualTo(5);
            assertThat(err).contains("the budget of 1.60 is reached").contains("of 30 have no reply yet");
            int made = stub.requests();
            assertThat(made).isBetween(11, 15);
            assertThat(run(alpaca(temp, 10, stub.url(), "--repeats", "3", "--dry-run"))).isZero();
            assertThat(out).contains("calls " + (30 - made) + " (in the cache already: " + made + ")");
            assertThat(run(alpaca(temp, 10, stub.url(), "--repeats", "3"))).as(err).isZero();
            assertThat(stub.paid).hasSize(10).allSatisfy((prompt, times) -> assertThat(times.get()).isEqualTo(3));
        }
    }

    @Test
    void guarantee12AKilledProcessOfRepeatsGoesOnWithoutPayingTwice(@TempDir Path folder) throws Exception {
        Shell shell = Shell.in(folder);
        try (JudgeStub stub = new JudgeStub((prompt, attempt) -> attempt == 1 ? Fault.SLOW : Fault.NONE, (request, prompt) -> JudgeStub.labels(Map.of("m", -0.2, "M", -1.8)))) {
            String[] command = alpaca(shell.work(), 20, stub.url(), "--repeats", "3");
            Process process = shell.bash("exec \"$LAUNCHER\" " + String.join(" ", command), Map.of()).redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile()).start();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (paid(stub) < 24 && process.isAlive() && System.nanoTime() < end) {
                Thread.sleep(5);
            }
            process.destroyForcibly().waitFor();
            assertThat(paid(stub)).as(Files.readString(folder.resolve("log"))).isBetween(24, 58);
            assertThat(run(command)).as(err).isZero();
            // What was under way when the process died had no reader.
            assertThat(paid(stub)).isBetween(60, 61);
        }
    }

    private static int paid(JudgeStub stub) {
        return stub.paid.values().stream().mapToInt(AtomicInteger::get).sum();
    }

    private String[] mtBench(String judge, String... more) throws IOException {
        Object[] prompts = {Map.of("name", "single-v1", "prompt_template", "{question} {answer}"), Map.of("name", "single-v1-multi-turn", "prompt_template", "{answer_1} {answer_2}"),
            Map.of("name", "single-math-v1", "prompt_template", "{ref_answer_1} {answer}"), Map.of("name", "single-math-v1-multi-turn", "prompt_template", "{answer_1} {answer_2}")};
        Object[] questions = IntStream.of(81, 82).mapToObj(id -> Map.of("question_id", id, "category", "writing", "turns", List.of("Write.", "More."))).toArray();
        Object[] answers = IntStream.of(81, 82).mapToObj(id -> Map.of("question_id", id, "model_id", "mine", "choices", List.of(Map.of("index", 0, "turns", List.of("one " + id, "two " + id))))).toArray();
        return with(new String[] {"evaluate", "mt-bench", "--questions", lines(temp.resolve("questions.jsonl"), questions), "--judge-prompts", lines(temp.resolve("prompts.jsonl"), prompts),
            "--answers", lines(temp.resolve("mine.jsonl"), answers), "--judge", judge, "--judge-model", "judge", "--judge-parallel", "1", "--quiet"}, more);
    }

    @Test
    void guarantee12MtBenchIsRatedSeveralTimes() throws IOException {
        Map<String, Integer> asked = new HashMap<>();
        // Turns of question 81, then of 82.
        int[][] ratings = {{7, 5, 4, 8}, {9, 5, 6, 8}};
        try (JudgeStub stub = new JudgeStub((prompt, attempt) -> prompt.contains("two 82") && attempt == 1 ? Fault.HTML : Fault.NONE, (request, prompt) -> {
            int turn = (prompt.contains("81") ? 0 : 2) + (prompt.contains("two") ? 1 : 0);
            return JudgeStub.text("Rating: [[" + ratings[prompt.contains("two 82") ? 0 : asked.merge(prompt, 1, Integer::sum) - 1][turn] + "]]");
        })) {
            String[] command = mtBench(stub.url(), "--repeats", "2", "--out", path("out"));
            // A call of the second repeat fails: it alone is made again.
            assertThat(run(command)).isEqualTo(1);
            assertThat(err).contains("--repeats 2: the judge has temperature 0, so its repeats may be equal").contains("1 of 8 calls failed").hasLineCount(2);
            assertThat(run(command)).as(err).isZero();
            assertThat(stub.paid).hasSize(4).allSatisfy((prompt, times) -> assertThat(times.get()).isEqualTo(2));
            JsonNode model = metrics("out").path("models").path(0);
            hasSpread(model, "average", 6.5, 6, 7);
            hasSpread(model, "first_turn", 6.5, 5.5, 7.5);
            hasSpread(model, "second_turn", 6.5, 6.5, 6.5);
            hasSpread(model.path("categories").path("writing"), "average", 6.5, 6, 7);
            assertThat(run("evaluate", "compare", path("out"), "--questions", path("questions.jsonl"), "--repeats", "2", "--out", path("again"))).as(err).isZero();
            assertThat(metrics("again").path("models")).isEqualTo(metrics("out").path("models"));
            assertThat(run("evaluate", "mt-bench", "--annotations", path("out/repeat-2/model_judgment/judge_single.jsonl"), "--questions", path("questions.jsonl"), "--out", path("one"))).isZero();
            assertThat(metrics("one").path("models").path(0).path("average").asDouble()).isEqualTo(7);
        }
    }

    @Test
    void guarantee12ArenaHardIsPlayedSeveralTimes() throws IOException {
        for (String model : List.of("base", "mine")) {
            lines(temp.resolve(model + ".jsonl"), IntStream.range(0, 2).mapToObj(i -> Map.of("uid", "u" + i, "model", model, "messages", List.of(
                    Map.of("role", "user", "content", "Ask " + i), Map.of("role", "assistant", "content", Map.of("answer", model + " says " + i))))).toArray());
        }
        write("config.yaml", "prompt_template: \"Q {QUESTION}\\n<A>{ANSWER_A}</A>\\n<B>{ANSWER_B}</B>\"\n");
        write("settings.py", "JUDGE_SETTINGS = {\"hard_prompt\": {\"baseline\": \"base\", \"system_prompt\": \"Judge.\"}}\n");
        Object[] questions = IntStream.range(0, 2).mapToObj(i -> Map.of("uid", "u" + i, "category", "hard_prompt", "prompt", "Ask " + i)).toArray();
        Map<String, Integer> asked = new HashMap<>();
        // The model wins both questions, then the first alone, then none; in the second repeat the judge of the first game has to be asked once more.
        try (JudgeStub stub = new JudgeStub((prompt, attempt) -> Fault.NONE, (request, prompt) -> {
            boolean isMore = prompt.contains("Go on");
            int repeat = isMore ? 2 : asked.merge(prompt, 1, Integer::sum);
            boolean isFirst = prompt.indexOf("mine") < prompt.indexOf("base");
            if (repeat == 2 && !isMore && prompt.contains("Ask 0") && !isFirst) {
                return JudgeStub.text("Hm.");
            }
            boolean isWon = repeat == 1 || repeat == 2 && prompt.contains("Ask 0");
            return JudgeStub.text(isWon == isFirst ? "[[A>B]]" : "[[B>A]]");
        })) {
            String[] command = {"evaluate", "arena-hard", "--answers", path("base.jsonl"), path("mine.jsonl"), "--questions", lines(temp.resolve("questions.jsonl"), questions),
                "--judge-config", path("config.yaml"), "--judge-settings", path("settings.py"), "--judge", stub.url(), "--judge-model", "judge", "--judge-parallel", "1",
                "--protocol", "v0.1", "--baseline", "base", "--repeats", "3", "--bootstrap", "2", "--allow-partial", "--out", path("out"), "--quiet"};
            // Two games of two questions three times, at 0.1 each, and the one that is gone on with, for which nothing is left.
            assertThat(run(with(command, "--price", "1000,0", "--budget", "1.25"))).as(err).isEqualTo(5);
            assertThat(stub.requests()).isEqualTo(12);
            assertThat(run(command)).as(err).isZero();
            assertThat(stub.requests()).isEqualTo(13);
            List<List<String>> scores = new ArrayList<>();
            for (int r = 1; r <= 3; r++) {
                scores.add(Files.readAllLines(temp.resolve("out/repeat-" + r + "/model_judgment/judge/mine.jsonl")).stream().map(line -> Json.parse(line, "row").path("games"))
                        .map(games -> games.path(0).path("score").asText() + " " + games.path(1).path("score").asText()).toList());
            }
            assertThat(scores).isEqualTo(List.of(List.of("B>A A>B", "B>A A>B"), List.of("B>A A>B", "A>B B>A"), List.of("A>B B>A", "A>B B>A")));
            JsonNode model = metrics("out").path("categories").path(0).path("models").path(0);
            hasSpread(model, "win_rate_shown_first", 50, 100, 50, 0);
            hasSpread(model, "win_rate_shown_second", 50, 100, 50, 0);
            assertThat(run("evaluate", "compare", path("out"), "--questions", path("questions.jsonl"), "--repeats", "3", "--out", path("again"))).as(err).isZero();
            hasSpread(metrics("again").path("categories").path(0).path("models").path(0), "win_rate_shown_first", 50, 100, 50, 0);
        }
    }

    @Test
    void guarantee12RepeatsOfALocalJudgeAreDrawnFromSeedsOfTheirOwn() throws IOException {
        List<List<String>> found = new ArrayList<>();
        for (String folder : List.of("first", "second")) {
            assertThat(run(mtBench(fixture("tiny-llama"), "--repeats", "2", "--judge-options", "{\"temperature\": 1.0}", "--judge-longest", "12", "--seed", "5", "--threads", "1",
                    "--dtype", "f32", "--out", path(folder)))).isEqualTo(3);
            assertThat(err).contains("nothing is judged").doesNotContain("may be equal");
            for (int r = 1; r <= 2; r++) {
                List<JsonNode> rows = Files.readAllLines(temp.resolve(folder + "/repeat-" + r + "/model_judgment/judge_single.jsonl")).stream().map(line -> Json.parse(line, "row")).toList();
                assertThat(rows).allSatisfy(row -> assertThat(row.path("judge_setup").path("options").path("temperature").asDouble()).isEqualTo(1));
                found.add(rows.stream().map(row -> row.path("judgment").asText()).toList());
            }
        }
        assertThat(found.get(0)).hasSize(4).isNotEqualTo(found.get(1)).isEqualTo(found.get(2));
        assertThat(found.get(1)).isEqualTo(found.get(3));
        // The second repeat has the next seed.
        assertThat(run(mtBench(fixture("tiny-llama"), "--judge-options", "{\"temperature\": 1.0}", "--judge-longest", "12", "--seed", "6", "--threads", "1", "--dtype", "f32",
                "--out", path("next")))).isEqualTo(3);
        assertThat(Files.readAllLines(temp.resolve("next/model_judgment/judge_single.jsonl"))).extracting(line -> Json.parse(line, "row").path("judgment").asText())
                .isEqualTo(found.get(1));
        assertFails(2, "--judge-options has top_p 0.5; a judge that is a folder takes a temperature from 0 on alone",
                mtBench(fixture("tiny-llama"), "--judge-options", "{\"top_p\": 0.5}", "--out", path("x")));
    }
}
