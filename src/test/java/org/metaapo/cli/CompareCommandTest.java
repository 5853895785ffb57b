package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.files.Json;

/** A suite on tiny models: the table, what is kept, what is not done again, and a stop. */
class CompareCommandTest extends CommandTest {
    private static final List<String> COMMON = List.of(
            "seeds: [1, 2]", "baseline: metaapo", "common:", "  dtype: f32", "  model: {path: " + fixture("tiny-llama") + "}",
            "  reward: {path: " + fixture("tiny-rm") + "}",
            "  data: {train: [" + fixture("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
            "  rollout: {slice: 4, k: 3, max_new_tokens: 8}", "  meta: {every: 2}", "  optimizer.learning_rate: 1e-3",
            "  checkpoint: {every: 50}");

    private String suite(String out, String train, String... methods) throws IOException {
        String prompts = fixture("pairs.jsonl");
        return write(out + ".yaml", "out: " + temp.resolve(out) + "\nworld: {prompts: [" + prompts + "], validation: [" + prompts + "]}\n"
                + String.join("\n", COMMON) + "\n  train: " + train + "\nmethods:\n  " + String.join("\n  ", methods) + "\n").toString();
    }

    private List<Map<String, String>> results(String out) throws IOException {
        return SuiteResults.of(temp.resolve(out));
    }

    private static double number(Map<String, String> row, String name) {
        return Double.parseDouble(row.get(name));
    }

    private Map<Path, FileTime> models(String out) throws IOException {
        try (Stream<Path> files = Files.walk(temp.resolve(out))) {
            return files.filter(file -> file.endsWith("model.safetensors")).collect(Collectors.toMap(file -> file, file -> {
                try {
                    return Files.getLastModifiedTime(file);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }));
        }
    }

    @Test
    void aSuiteIsRunOnceAndItsTableIsWrittenEachTime() throws IOException {
        String yaml = suite("first", "{batch: 2, micro_tokens: 300}", "dpo: {recipe: dpo}", "metaapo: {recipe: metaapo, rollout.decision: all}",
                "frozen: {recipe: dpo, optimizer.learning_rate: 0}", "ipo: {recipe: dpo, objective.name: ipo, grid: {objective.beta: [0.1, 0.5]}}");
        assertThat(run("compare", yaml, "--quiet")).as(err).isZero();
        assertThat(err).isEmpty();
        assertThat(out).contains("win rate over sft", "p seeds", "metaapo", "ipo: mean reward on validation prompts", "report.html");
        List<Map<String, String>> rows = results("first");
        assertThat(rows).extracting(row -> row.get("method") + row.get("seed"))
                .containsExactly("sft1", "sft2", "dpo1", "dpo2", "metaapo1", "metaapo2", "frozen1", "frozen2", "ipo1", "ipo2");
        for (int seed = 0; seed < 2; seed++) {
            // A method that learns nothing is its start: same random numbers, same answers.
            assertThat(rows.get(6 + seed).get("reward")).isEqualTo(rows.get(seed).get("reward"));
            assertThat(number(rows.get(6 + seed), "win_rate")).isEqualTo(0.5);
            assertThat(number(rows.get(6 + seed), "kl")).isCloseTo(0, within(1e-9));
            assertThat(number(rows.get(4 + seed), "answers_generated")).isEqualTo(24);
            assertThat(number(rows.get(4 + seed), "prompts_sampled")).isEqualTo(8);
            assertThat(rows.get(2 + seed).get("steps")).isEqualTo("4");
            assertThat(rows.get(8 + seed).get("setting")).startsWith("objective.beta=");
        }
        String page = Files.readString(temp.resolve("first/report.html"));
        assertThat(page).doesNotContain("src=\"", "http://", "/*BODY*/");
        String start = "type=\"application/json\">";
        JsonNode data = Json.parse(page.substring(page.indexOf(start) + start.length(), page.indexOf("</script>")), "report.html");
        assertThat(data.at("/rows/1/runs").findValuesAsText("report")).containsExactly("seed-1/dpo/report.html", "seed-2/dpo/report.html")
                .allSatisfy(report -> assertThat(temp.resolve("first").resolve(report)).isNotEmptyFile());
        assertThat(data.path("examples")).hasSize(8);
        assertThat(data.at("/examples/0/prompt").asText()).isNotEmpty();
        assertThat(data.at("/examples/0/answers").fieldNames()).toIterable().containsExactly("sft", "dpo", "metaapo", "frozen", "ipo");
        // A method that learns nothing answers as its start.
        assertThat(data.at("/examples/0/answers/frozen")).isEqualTo(data.at("/examples/0/answers/sft"));
        String markdown = Files.readString(temp.resolve("first/table.md"));
        assertThat(markdown.substring(0, markdown.indexOf("\n\n")).lines().filter(line -> line.startsWith("| ")).count()).isEqualTo(6);

        Map<Path, FileTime> before = models("first");
        String table = out;
        assertThat(run("compare", yaml, "--quiet")).as(err).isZero();
        assertThat(models("first")).isEqualTo(before).hasSize(9);
        assertThat(out).isEqualTo(table);
    }

    /** A suite of the examples as it stands, in another world: on tiny models and few prompts. */
    private List<Map<String, String>> small(String name) throws IOException {
        String text = Files.readString(Path.of("examples/suites/" + name + ".yaml"));
        String file = write(name + ".yaml", text.replaceFirst("(?s)\nworld:.*?\nseeds:", "\nworld: {prompts: [" + fixture("pairs.jsonl") + "]}\nseeds:")).toString();
        assertThat(run("compare", file, "--quiet", "out=" + temp.resolve(name), "seeds=1", "answers=1", "common.dtype=f32",
                "common.model.path=" + fixture("tiny-llama"), "common.reward.path=" + fixture("tiny-rm"), "common.data.train=[" + fixture("pairs.jsonl") + "]",
                "common.data.max_length=256", "common.data.max_prompt_length=128", "common.rollout.slice=4", "common.rollout.max_new_tokens=8",
                "common.optimizer.learning_rate=1e-3", "common.train.batch=4", "common.train.micro_tokens=2048")).as(err).isZero();
        return results(name);
    }

    @Test
    void theMethodsOfTheWorldLikeThePapersRunOnEqualTerms() throws IOException {
        Map<String, Map<String, String>> rows = byMethod(small("paper-methods"));
        assertThat(rows).hasSize(13);
        rows.forEach((method, row) -> {
            boolean isAfterDpo = method.equals("metaapo-authors") || method.equals("online-dpo-after-dpo");
            if (!method.equals("sft")) {
                // What begins with DPO's result has DPO's steps too; a method that drops rows may have fewer of its own.
                assertThat(number(row, "steps")).as(method).isBetween(isAfterDpo ? 3.0 : 2.0, isAfterDpo ? 4.0 : 2.0);
                assertThat(row.get("reward")).as(method).isNotEqualTo(rows.get("sft").get("reward"));
            }
        });
        assertThat(number(rows.get("online-dpo-after-dpo"), "answers_annotated")).isEqualTo(16);
        assertThat(number(rows.get("iterative-dpo"), "answers_annotated")).isEqualTo(64);
        assertThat(number(rows.get("dpo"), "answers_annotated")).isZero();
        assertThat(rows.get("metaapo-authors").get("kl")).isNotEqualTo(rows.get("dpo").get("kl"));
    }

    private static Map<String, Map<String, String>> byMethod(List<Map<String, String>> rows) {
        return rows.stream().collect(Collectors.toMap(row -> row.get("method"), row -> row));
    }

    @Test
    void eachAblationChangesItsPart() throws IOException {
        Map<String, Map<String, String>> rows = byMethod(small("paper-ablations"));
        assertThat(rows).hasSize(15);
        assertThat(number(rows.get("sample-all"), "prompts_sampled")).isEqualTo(8);
        assertThat(number(rows.get("sample-all"), "answers_annotated")).isEqualTo(64);
        assertThat(number(rows.get("sample-none"), "prompts_sampled")).isZero();
        assertThat(rows.values()).filteredOn(row -> !row.get("method").equals("sft")).extracting(row -> row.get("steps")).containsOnly("2");
        for (String method : List.of("sample-all", "sample-none", "weight-constant", "weight-score", "random-start", "layers-1", "layers-3", "more-features")) {
            assertThat(rows.get(method).get("kl")).as(method).isNotEqualTo(rows.get("metaapo-paper").get("kl"));
        }
    }

    @Test
    void annotationsAreThoseOfTheAnswersAsked() throws IOException {
        Map<String, Map<String, String>> rows = byMethod(small("paper-annotations"));
        assertThat(rows).hasSize(13);
        rows.forEach((method, row) -> {
            if (method.startsWith("metaapo-k")) {
                assertThat(number(row, "answers_annotated")).as(method)
                        .isEqualTo(Integer.parseInt(method.substring("metaapo-k".length())) * number(row, "prompts_sampled"));
            }
        });
        assertThat(number(rows.get("sample-all-k2"), "answers_annotated")).isEqualTo(16);
        assertThat(number(rows.get("iterative-dpo-k16"), "answers_annotated")).isEqualTo(128);
        assertThat(number(rows.get("sppo-k5"), "answers_annotated")).isEqualTo(40);
    }

    @Test
    void longerRunsHaveThreeEpochs() throws IOException {
        Map<String, Map<String, String>> rows = byMethod(small("paper-longer"));
        assertThat(rows).hasSize(7);
        assertThat(rows.get("dpo").get("steps")).isEqualTo("6");
        // Six slices of each that has a learner, and by an own world's rewards no gold.
        assertThat(Files.readString(temp.resolve("paper-longer/table.md"))).contains("| method | slice | w | sampled | L off − L on | positive | rank with score |\n")
                .contains("\n| metaapo-paper | 6 | 0.").contains("\n| sample-all | 6 | 0.").doesNotContain("\n| dpo | 1 |", "| 7 |");
        // A table does not depend on them.
        Files.writeString(temp.resolve("paper-longer/seed-1/sample-all/meta-buffer.jsonl"), "{");
        small("paper-longer");
        assertThat(Files.readString(temp.resolve("paper-longer/table.md"))).contains("\n| metaapo-paper | 6 | 0.", "\n- The weights of sample-all, seed 1, are not told: ")
                .doesNotContain("\n| sample-all | 6 |");
        assertThat(number(rows.get("sample-all"), "prompts_sampled")).isEqualTo(24);
    }

    @ParameterizedTest
    @CsvSource({"paper-calibration, 5", "paper-map, 5", "paper-options, 10"})
    void eachMethodOfTheOtherSuitesTakesTheSameSteps(String name, int rows) throws IOException {
        List<Map<String, String>> results = small(name);
        assertThat(results).hasSize(rows);
        assertThat(results).filteredOn(row -> !row.get("method").equals("sft")).extracting(row -> row.get("steps")).containsOnly("2");
    }

    @Test
    void aFinishedRunOfOtherRowsIsNotTakenForThisOne() throws IOException {
        Path data = Files.copy(Path.of(fixture("pairs.jsonl")), temp.resolve("pairs.jsonl"));
        String yaml = suite("rows", "{batch: 4}", "metaapo: {recipe: dpo}", "other: {recipe: dpo, objective.beta: 0.5}");
        String[] command = {"compare", yaml, "--quiet", "seeds=1", "common.data.train=[" + data + "]"};
        assertThat(run(command)).as(err).isZero();
        String table = Files.readString(temp.resolve("rows/table.md"));
        assertThat(run(command)).as(err).isZero();
        assertThat(Files.readString(temp.resolve("rows/table.md"))).isEqualTo(table);
        Files.write(data, Files.readAllLines(data).subList(0, 4));
        assertThat(run(command)).isEqualTo(1);
        assertThat(Files.readString(temp.resolve("rows/table.md"))).contains("Failed: metaapo, seed 1: ", "Failed: other, seed 1: ",
                "holds a finished run with another configuration: the rows of data.train: was ");
    }

    @Test
    void severalSuitesRunOneAfterTheOther() throws IOException {
        String one = suite("one", "{batch: 4}", "metaapo: {recipe: dpo}");
        String two = suite("two", "{batch: 4}", "metaapo: {recipe: metaapo}", "after: {after: metaapo, recipe: dpo}");
        assertThat(run("compare", one, two, "--quiet")).as(err).isZero();
        assertThat(out).contains("one/report.html", "two/report.html");
        assertThat(results("two").get(4).get("steps")).isEqualTo("4");
        assertFails(2, "no such file", "compare", one, temp.resolve("none.yaml").toString());
    }

    @Test
    void aMethodThatTrainsAnAdapterIsEvaluatedWithoutAMergedCopy() throws IOException {
        String yaml = suite("adapters", "{batch: 2}", "full: {recipe: dpo}", "metaapo: {recipe: metaapo, adapter: {rank: 4}}",
                "frozen: {recipe: dpo, adapter: {rank: 4}, optimizer.learning_rate: 0}",
                "continued: {recipe: dpo, adapter: {path: " + fixture("lora/llama-all") + "}, optimizer.learning_rate: 0}");
        assertThat(run("compare", yaml, "--quiet")).as(err).isZero();
        List<Map<String, String>> rows = results("adapters");
        assertThat(temp.resolve("adapters/seed-1/metaapo/model")).doesNotExist();
        assertThat(temp.resolve("adapters/seed-1/metaapo/adapter/adapter_model.safetensors")).exists();
        for (int seed = 0; seed < 2; seed++) {
            assertThat(number(rows.get(4 + seed), "kl")).isNotEqualTo(number(rows.get(2 + seed), "kl"));
            // A fresh adapter that learns nothing is its base, one that is gone on with is not.
            assertThat(rows.get(6 + seed).get("reward")).isEqualTo(rows.get(seed).get("reward"));
            assertThat(number(rows.get(6 + seed), "kl")).isCloseTo(0, within(1e-9));
            assertThat(rows.get(8 + seed).get("reward")).isNotEqualTo(rows.get(seed).get("reward"));
            assertThat(Math.abs(number(rows.get(8 + seed), "kl"))).isGreaterThan(1e-3);
        }
    }

    @Test
    void whatIsWrongIsToldBeforeAnythingRuns() throws IOException {
        assertFails(2, "no such file", "compare", temp.resolve("none.yaml").toString());
        assertFails(2, "method b: ", "compare", suite("wrong", "{batch: 2}", "metaapo: {recipe: dpo}", "b: {recipe: dpo, train.bach: 2}"));
        assertThat(temp.resolve("wrong")).doesNotExist();
    }

    @Test
    void aFinishedRunOfAnotherConfigurationIsNotTakenForThisOne() throws IOException {
        assertThat(run("compare", suite("s", "{batch: 4}", "dpo: {recipe: dpo}", "metaapo: {recipe: dpo}"), "--quiet")).as(err).isZero();
        String changed = suite("s", "{batch: 4}", "dpo: {recipe: dpo, objective.beta: 0.5}", "metaapo: {recipe: dpo}");
        assertThat(run("compare", changed, "--quiet")).as(err).isEqualTo(1);
        assertThat(err).contains("2 of the suite's tasks failed", "holds a finished run with another configuration");
        assertThat(out).contains("Failed: dpo, seed 1: ").contains("metaapo  ");
    }

    @Test
    void sigtermStopsTheSuiteAndTheSameCommandGoesOn() throws Exception {
        String whole = suite("whole", "{batch: 2, epochs: 12}", "dpo: {recipe: dpo}", "metaapo: {recipe: metaapo}");
        assertThat(run("compare", whole, "--quiet")).as(err).isZero();
        String stopped = suite("stopped", "{batch: 2, epochs: 12}", "dpo: {recipe: dpo}", "metaapo: {recipe: metaapo}");
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "compare", stopped);
        Path log = temp.resolve("log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        Path metrics = temp.resolve("stopped/seed-1/dpo/metrics.jsonl");
        while (process.isAlive() && !(Files.exists(metrics) && Files.readString(metrics).contains("\"step\":3"))) {
            Thread.sleep(20);
        }
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(5);
        assertThat(Files.readString(log)).contains("the same command goes on from here");
        assertThat(temp.resolve("stopped/report.html")).doesNotExist();
        assertThat(run("compare", stopped, "--quiet")).as(err).isZero();
        assertThat(withoutSeconds("stopped")).isEqualTo(withoutSeconds("whole"));
    }

    private List<List<String>> withoutSeconds(String out) throws IOException {
        return results(out).stream()
                .map(row -> row.entrySet().stream().filter(cell -> !cell.getKey().startsWith("seconds")).map(Object::toString).toList())
                .toList();
    }
}
