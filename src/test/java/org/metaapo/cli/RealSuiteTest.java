package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Json;

/** The suite for a user's own model, on tiny ones: its columns, what is told, and what is refused before anything runs. */
class RealSuiteTest extends CommandTest {
    private static final int PROMPTS = 20;

    private Path prompts(int count) throws IOException {
        return write("prompts.jsonl", IntStream.range(0, count)
                .mapToObj(i -> Json.write(Map.of("prompt", List.of(Map.of("role", "user", "content", "Tell me about " + "things ".repeat(1 + i % 7) + i))))).collect(Collectors.joining("\n")));
    }

    private String[] compare(String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "compare", "examples/suites/real.yaml", "--quiet", "out=" + temp.resolve("real"), "world.prompts=[" + prompts(PROMPTS) + "]", "seeds=[1, 2]",
                "common.model.path=" + fixture("tiny-llama"), "common.reward.path=" + fixture("tiny-rm"), "common.data.train=[" + fixture("pairs.jsonl") + "]",
                "common.data.max_length=256", "common.data.max_prompt_length=128", "common.rollout={slice: 4, k: 3, max_new_tokens: 12}", "common.train.batch=2",
                "common.optimizer.learning_rate=2e-3", "answers=2"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private List<Map<String, String>> results(String out) throws IOException {
        return SuiteResults.of(temp.resolve(out));
    }

    private JsonNode answers(String out, String run) {
        return Json.read(temp.resolve(out).resolve(run).resolve("test-answers.json"));
    }

    @Test
    void theTableHasWhatAWorldWithoutGoldWants() throws IOException {
        assertThat(run(compare())).as(err).isZero();
        assertThat(err).isEmpty();
        List<Map<String, String>> rows = results("real");
        assertThat(rows).extracting(row -> row.get("method") + row.get("seed")).containsExactly(
                "sft1", "sft2", "dpo1", "dpo2", "online-dpo1", "online-dpo2", "metaapo-paper1", "metaapo-paper2", "metaapo-authors1", "metaapo-authors2");
        for (Map<String, String> row : rows) {
            String method = row.get("method");
            double rate = Double.parseDouble(row.get("lc_win_rate"));
            assertThat(row.get("gold")).isEmpty();
            assertThat(Double.parseDouble(row.get("answer_tokens"))).isBetween(1.0, 12.0);
            if (method.equals("sft")) {
                assertThat(rate).isEqualTo(0.5);
                continue;
            }
            String seed = "seed-" + row.get("seed") + "/";
            assertThat(rate).as(method).isCloseTo(controlled(answers("real", seed + method), answers("real", seed + "start")), within(2e-6));
            double steps = Double.parseDouble(row.get("steps"));
            assertThat(steps).as(method).isBetween(method.equals("metaapo-authors") ? 5.0 : 4.0, method.equals("metaapo-authors") ? 8.0 : 4.0);
        }
        // Not all of it is the penalty's 0.5.
        assertThat(rows).filteredOn(row -> !row.get("lc_win_rate").equals("0.5") && !row.get("lc_win_rate").equals(row.get("win_rate"))).isNotEmpty();
        assertThat(out).contains("LC win rate", "equal lengths", "the methods were trained with",
                "Steps and costs of metaapo-authors include those of dpo").doesNotContain("trained on too", "gold");

        String page = Files.readString(temp.resolve("real/report.html"));
        String start = "type=\"application/json\">";
        JsonNode data = Json.parse(page.substring(page.indexOf(start) + start.length(), page.indexOf("</script>")), "report.html");
        assertThat(data.path("gold").asBoolean()).isFalse();
        for (int i = 0; i < 5; i++) {
            JsonNode estimate = data.path("rows").path(i).path("controlled");
            double mean = Double.parseDouble(rows.get(2 * i).get("lc_win_rate")) / 2 + Double.parseDouble(rows.get(2 * i + 1).get("lc_win_rate")) / 2;
            assertThat(estimate.path(0).asDouble()).isCloseTo(mean, within(1e-5));
            assertThat(estimate.path(1).asDouble()).isLessThanOrEqualTo(estimate.path(0).asDouble());
            assertThat(estimate.path(2).asDouble()).isGreaterThanOrEqualTo(estimate.path(0).asDouble());
        }
        assertThat(data.path("remarks")).hasSize(1);
        JsonNode example = data.path("examples").path(3);
        assertThat(example.path("prompt").asText()).isEqualTo("Tell me about things things things things 3");
        JsonNode found = answers("real", "seed-1/online-dpo");
        assertThat(example.at("/answers/online-dpo/text")).isEqualTo(found.at("/texts/3/0"));
        assertThat(example.at("/answers/online-dpo/worth")).isEqualTo(found.at("/reward/3/0"));
    }

    @Test
    void withOneAnswerAPromptTheRateIsThatOfTheEvaluationByRewards() throws IOException {
        Path yaml = write("one.yaml", "out: " + temp.resolve("one") + "\nworld: {}\nseeds: 3\nmethods: {dpo: {recipe: dpo}}\ncommon: {dtype: f32}\n");
        String[] arguments = compare("answers=1", "seeds=3", "out=" + temp.resolve("one"));
        arguments[1] = yaml.toString();
        assertThat(run(arguments)).as(err).isZero();
        Map<String, String> row = results("one").get(1);
        List<String> files = new ArrayList<>();
        for (String name : List.of("start", "dpo")) {
            JsonNode texts = answers("one", "seed-3/" + name).path("texts");
            files.add(write(name + ".json", Json.write(IntStream.range(0, PROMPTS).mapToObj(i -> Map.of(
                    "instruction", "Tell me about " + "things ".repeat(1 + i % 7) + i, "output", texts.path(i).path(0).asText(), "generator", name)).toList())).toString());
        }
        assertThat(run("evaluate", "alpaca-eval", "--answers", files.get(1), "--reference-outputs", files.get(0), "--reward", fixture("tiny-rm"),
                "--out", temp.resolve("evaluation").toString(), "--threads", "1", "--dtype", "f32", "--quiet")).as(err).isZero();
        JsonNode model = Json.read(temp.resolve("evaluation/metrics.json")).path("models").path(0);
        assertThat(100 * Double.parseDouble(row.get("win_rate"))).isCloseTo(model.path("win_rate").asDouble(), within(1e-3));
        assertThat(100 * Double.parseDouble(row.get("lc_win_rate"))).isCloseTo(model.path("length_controlled_winrate").asDouble(), within(1e-3));
    }

    @Test
    void tooFewPairsHaveNoRateAtEqualLengthsAndPromptsThatAreTrainedOnAreTold() throws IOException {
        Path yaml = write("few.yaml", "out: o\nworld: {}\nseeds: 3\nmethods: {dpo: {recipe: dpo}}\ncommon: {dtype: f32}\n");
        String prompt = Json.parse(Files.readAllLines(Path.of(fixture("pairs.jsonl"))).get(2), "pairs").path("prompt").asText();
        // The same as a conversation of one turn, and as a text.
        Path few = write("few.jsonl", Json.write(Map.of("prompt", prompt)) + "\n{\"prompt\": \"Say what.\"}\n");
        String[] arguments = compare("answers=1", "seeds=3", "out=" + temp.resolve("few"), "world.prompts=" + few);
        arguments[1] = yaml.toString();
        assertThat(run(arguments)).as(err).isZero();
        assertThat(results("few").get(1).get("lc_win_rate")).isEmpty();
        assertThat(out).contains("1 of 2 held-out prompts are trained on too (first: " + few + ":1, which is " + fixture("pairs.jsonl") + ":3)");
        assertThat(Files.readString(temp.resolve("few/report.html"))).contains("held-out prompts are trained on too").doesNotContain("NaN");
    }

    @Test
    void whatIsWrongIsToldInALineBeforeAnythingRuns() throws IOException {
        String none = temp.resolve("none").toString();
        assertFails(3, none + ": no such file", compare("world.prompts=" + none));
        assertFails(3, none + ": no such file", compare("common.data.train=" + none));
        assertFails(3, none, compare("common.model.path=" + none));
        assertFails(3, none, compare("common.reward.path=" + none));
        assertFails(3, fixture("tiny-llama"), compare("common.reward.path=" + fixture("tiny-llama")));
        assertFails(2, "command line: unknown key modle of a suite", compare("modle=x"));
        assertFails(2, "command line: model.path is a key of a run; expected common.model.path", compare("model.path=x"));
        assertFails(2, "command line: methods.dpo.train.batch: keys of a method are given in the suite's file", compare("methods.dpo.train.batch=2"));
        assertFails(2, "common: command line: unknown key train.bach; did you mean train.batch?", compare("common.train.bach=2"));
        assertFails(2, "adapter.merge", compare("common.adapter.rank=4"));
        assertFails(2, "no suite beside threads=2", "compare", "threads=2");
        assertFails(2, "expected a folder of its own for each suite", compare("examples/suites/real.yaml"));
        assertThat(temp.resolve("real")).doesNotExist();
    }

    /** The rate as {@code LengthControl} documents it, its fit by bisections of the subgradients. */
    private static double controlled(JsonNode run, JsonNode start) {
        List<double[]> pairs = new ArrayList<>();
        for (int i = 0; i < run.path("texts").size(); i++) {
            for (int a = 0; a < run.path("texts").path(i).size(); a++) {
                for (int b = 0; b < start.path("texts").path(i).size(); b++) {
                    double ahead = run.path("reward").path(i).path(a).asDouble() - start.path("reward").path(i).path(b).asDouble();
                    double shorter = length(start, i, b) - length(run, i, a);
                    pairs.add(new double[] {shorter, ahead > 0 ? 1 : ahead < 0 ? 0 : 0.5});
                }
            }
        }
        double mean = pairs.stream().mapToDouble(pair -> pair[0]).average().orElseThrow();
        double deviation = Math.sqrt(pairs.stream().mapToDouble(pair -> (pair[0] - mean) * (pair[0] - mean)).sum() / (pairs.size() - 1));
        pairs.forEach(pair -> pair[0] = deviation == 0 ? 0 : Math.tanh(pair[0] / deviation));
        double best = Double.NEGATIVE_INFINITY;
        double chosen = 0;
        for (int k = 0; k < 10; k++) {
            double c = Math.pow(10, -4 + 8 * k / 9.0);
            double score = 0;
            for (int fold = 0; fold < 5; fold++) {
                List<double[]> held = fold(pairs, fold, true);
                double[] w = fit(fold(pairs, fold, false), c);
                score += held.stream().mapToDouble(pair -> {
                    double p = 1 / (1 + Math.exp(-w[0] * pair[0] - w[1]));
                    return pair[1] * Math.log(Math.max(p, 1e-15)) + (1 - pair[1]) * Math.log(Math.max(1 - p, 1e-15));
                }).average().orElseThrow();
            }
            if (score > best + 1e-12) {
                best = score;
                chosen = c;
            }
        }
        return 1 / (1 + Math.exp(-fit(pairs, chosen)[1]));
    }

    private static double length(JsonNode run, int prompt, int answer) {
        return run.path("texts").path(prompt).path(answer).asText().codePoints().count();
    }

    private static List<double[]> fold(List<double[]> pairs, int fold, boolean held) {
        return IntStream.range(0, pairs.size()).filter(i -> ((pairs.size() - 1 - i) % 5 == fold) == held).mapToObj(pairs::get).toList();
    }

    /** Slope and constant that minimise |w₀| + |w₁| + C·Σ(log(1 + e^z) − y·z), z = w₀x + w₁. */
    private static double[] fit(List<double[]> pairs, double c) {
        double low = -200;
        double high = 200;
        double constant = 0;
        for (int i = 0; i < 60; i++) {
            double slope = (low + high) / 2;
            double from = -200;
            double to = 200;
            for (int j = 0; j < 60; j++) {
                constant = (from + to) / 2;
                if (Math.signum(constant) + c * residuals(pairs, slope, constant, false) > 0) {
                    to = constant;
                } else {
                    from = constant;
                }
            }
            if (Math.signum(slope) + c * residuals(pairs, slope, constant, true) > 0) {
                high = slope;
            } else {
                low = slope;
            }
        }
        return new double[] {(low + high) / 2, constant};
    }

    private static double residuals(List<double[]> pairs, double slope, double constant, boolean timesX) {
        double sum = 0;
        for (double[] pair : pairs) {
            sum += (1 / (1 + Math.exp(-slope * pair[0] - constant)) - pair[1]) * (timesX ? pair[0] : 1);
        }
        return sum;
    }
}
