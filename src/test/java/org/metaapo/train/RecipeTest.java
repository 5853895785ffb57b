package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/**
 * Every configuration under examples/ on a tiny model: it runs, its first loss is what the formula gives for a policy that is its
 * own reference, and its course is the one that is pinned in recipes.golden.json ({@link #main} writes that file anew).
 */
class RecipeTest {
    private static final Path PINNED = Path.of("src/test/resources/recipes.golden.json");
    private static final int STEPS = 6;

    @TempDir
    Path temp;

    static Stream<Path> examples() throws IOException {
        List<Path> all = new ArrayList<>();
        for (String folder : List.of("examples/recipes", "examples/ablations")) {
            try (Stream<Path> files = Files.list(Path.of(folder))) {
                files.filter(file -> file.toString().endsWith(".yaml")).sorted(Comparator.naturalOrder()).forEach(all::add);
            }
        }
        return all.stream();
    }

    private static String name(Path example) {
        return example.getFileName().toString().replace(".yaml", "");
    }

    private static RunConfig config(Path example, Path out, String... more) {
        List<String> overrides = new ArrayList<>(List.of(
                "out=" + out.resolve(name(example)), "dtype=f32", "threads=2", "model.path=" + Fixtures.path("tiny-llama"),
                "data.train=[" + Fixtures.path("pairs.jsonl") + "]", "data.max_length=256", "data.max_prompt_length=128",
                "rollout.slice=5", "rollout.max_new_tokens=8", "meta.every=" + (name(example).equals("never-updated") ? 0 : 2),
                "optimizer.learning_rate=1e-3", "train.batch=2", "train.epochs=2", "selective.runs=2"));
        String recipe = RunConfig.load(example, List.of()).text("recipe");
        if (RunConfig.load(example, List.of()).path("reward.path") != null) {
            overrides.add("reward.path=" + Fixtures.path("tiny-rm"));
        }
        if (RunConfig.load(example, List.of()).path("reference.path") != null) {
            overrides.add("reference.path=" + Fixtures.path("tiny-llama-ref"));
        }
        if (recipe.equals("sft")) {
            overrides.add("data.train=[" + Fixtures.path("pairs.jsonl") + "]");
        }
        overrides.addAll(List.of(more));
        return RunConfig.load(example, overrides);
    }

    private static List<JsonNode> steps(RunConfig config) throws IOException {
        Recipes.run(config, RunListener.SILENT, new StopSignal());
        return lines(config, null);
    }

    private static List<JsonNode> lines(RunConfig config, String kind) throws IOException {
        return Files.readAllLines(new RunFolder(config.path("out")).metrics()).stream()
                .map(line -> Json.parse(line, "metrics"))
                .filter(line -> kind == null ? !line.has("kind") : line.path("kind").asText().equals(kind))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("examples")
    void everyExampleTakesThePinnedCourse(Path example) throws IOException {
        takesThePinnedCourse(name(example), config(example, temp));
    }

    static Stream<String> recipes() {
        return ConfigKeys.find("recipe").choices().stream();
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void everyRecipeTakesThePinnedCourseWithAnAdapter(String recipe) throws IOException {
        takesThePinnedCourse(withAdapter(recipe), adapted(recipe, temp));
    }

    private static String withAdapter(String recipe) {
        return recipe + " with an adapter";
    }

    private static RunConfig adapted(String recipe, Path out) {
        return config(Path.of("examples/recipes/" + recipe + ".yaml"), out, "adapter.rank=4", "out=" + out.resolve(withAdapter(recipe)));
    }

    private static void takesThePinnedCourse(String name, RunConfig config) throws IOException {
        JsonNode pinned = Json.read(PINNED).path(name);
        List<JsonNode> steps = steps(config);
        assertThat(pinned.size()).as("pinned steps of " + name).isEqualTo(Math.min(STEPS, steps.size())).isPositive();
        for (int i = 0; i < pinned.size(); i++) {
            for (String field : List.of("loss", "grad_norm")) {
                double expected = pinned.get(i).path(field).asDouble();
                // Rounding differs between instruction sets, and grows by a few steps of training.
                assertThat(steps.get(i).path(field).asDouble())
                        .as(field + " of step " + (i + 1))
                        .isCloseTo(expected, within(2e-3 * Math.max(1e-2, Math.abs(expected))));
            }
        }
    }

    /** What sets the authors' script apart from the paper, in the lines of a run. */
    @Test
    void theAuthorsStartIsAheadOfItsReferenceAndTrainsOnSampledRowsAlone() throws IOException {
        RunConfig authors = config(Path.of("examples/recipes/metaapo-authors.yaml"), temp);
        RunConfig paper = config(Path.of("examples/recipes/metaapo-paper.yaml"), temp);
        assertThat(authors.real("meta.score_scale")).isEqualTo(1);
        assertThat(paper.real("meta.score_scale")).isEqualTo(paper.real("objective.beta"));
        JsonNode own = steps(authors).get(0);
        JsonNode equal = steps(paper).get(0);
        // A policy that is its own reference scores every pair alike, so that the first slice has one weight for all.
        assertThat(equal.path("rewards_margin").asDouble()).isZero();
        assertThat(own.path("rewards_margin").asDouble()).isNotZero();
        assertThat(own.path("online_share").asDouble()).isEqualTo(1);
        assertThat(lines(authors, "slice").size()).isEqualTo(lines(paper, "slice").size());
    }

    @ParameterizedTest
    @CsvSource({"dpo, 0.6931471805599453", "cdpo, 0.6931471805599453", "robust-dpo, 0.6931471805599453", "hinge, 1", "ipo, 25",
        "ipo-sum, 25", "kto, 1", "adpo, 0.6931471805599453", "online-dpo, 0.6931471805599453", "iterative-dpo, 0.6931471805599453",
        "selm, 0.6931471805599453", "metaapo, 0.6931471805599453", "metaapo-ipo, 25", "metaapo-kto, 1"})
    void thePolicyAgainstItselfStartsAtTheFormulasValue(String name, double loss) throws IOException {
        List<JsonNode> steps = steps(config(Path.of("examples/recipes/" + name + ".yaml"), temp, "train.epochs=1"));
        assertThat(steps.get(0).path("loss").asDouble()).isCloseTo(loss, within(1e-4 * Math.max(1, loss)));
    }

    @Test
    void sppoStartsAtTheSquaredDistancesOfItsWinProbabilities() throws IOException {
        // One batch of all rows: at the reference both log-ratios are 0.
        RunConfig config = config(Path.of("examples/recipes/sppo.yaml"), temp, "train.epochs=1", "train.batch=8", "rollout.slice=8");
        double loss = steps(config).get(0).path("loss").asDouble();
        double expected = 0;
        int rows = 0;
        for (String line : Files.readAllLines(new RunFolder(config.path("out")).samples(0, 0))) {
            JsonNode sample = Json.parse(line, "sample");
            if (sample.path("online_chosen").asInt() < 0) {
                continue;
            }
            rows++;
            for (String side : List.of("online_chosen", "online_rejected")) {
                double own = sample.path("answers").get(sample.path(side).asInt()).path("reward").asDouble();
                double win = 0;
                for (JsonNode other : sample.path("answers")) {
                    win += 1 / (1 + Math.exp(other.path("reward").asDouble() - own)) / sample.path("answers").size();
                }
                expected += 0.5 * Math.pow((win - 0.5) / 1e-3, 2);
            }
        }
        assertThat(rows).isPositive();
        assertThat(loss).isCloseTo(expected / rows, within(1e-3 * expected / rows));
    }

    @Test
    void xpoAddsTheLogProbOfTheReferencesSample() throws IOException {
        RunConfig config = config(
                Path.of("examples/recipes/xpo.yaml"), temp, "train.epochs=1", "train.batch=8", "rollout.slice=8", "objective.alpha=0.01");
        double loss = steps(config).get(0).path("loss").asDouble();
        double sum = 0;
        int rows = 0;
        for (String line : Files.readAllLines(new RunFolder(config.path("out")).samples(0, 0))) {
            JsonNode sample = Json.parse(line, "sample");
            assertThat(sample.path("answers").size()).isEqualTo(2);
            if (sample.path("online_chosen").asInt() >= 0) {
                sum += sample.path("answers").get(1).path("logp").asDouble();
                rows++;
            }
        }
        assertThat(loss).isCloseTo(Math.log(2) + 0.01 * sum / rows, within(1e-3));
    }

    @Test
    void selmRanksTheGreedyAnswerAmongTheRowsOwn() throws IOException {
        RunConfig config = config(Path.of("examples/recipes/selm.yaml"), temp, "train.epochs=1");
        steps(config);
        for (String line : Files.readAllLines(new RunFolder(config.path("out")).samples(0, 0))) {
            JsonNode sample = Json.parse(line, "sample");
            JsonNode answers = sample.path("answers");
            assertThat(answers.size()).isEqualTo(3);
            assertThat(answers.get(1).path("text").asText()).isEqualTo(sample.path("chosen").asText());
            assertThat(answers.get(2).path("text").asText()).isEqualTo(sample.path("rejected").asText());
            double best = answers.get(sample.path("online_chosen").asInt()).path("reward").asDouble();
            answers.forEach(answer -> assertThat(answer.path("reward").asDouble()).isLessThanOrEqualTo(best));
        }
    }

    @Test
    void selectiveDpoKeepsTheEasiestAndResumesWithoutRepeatingAReferenceRun() throws IOException {
        RunConfig config = config(Path.of("examples/recipes/selective-dpo.yaml"), temp, "train.epochs=1");
        List<String> notes = new ArrayList<>();
        StopSignal stop = new StopSignal();
        RunListener listener = new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
                if (line.startsWith("difficulty: reference run 2 of 2, half 1")) {
                    stop.request();
                }
            }
        };
        try {
            Recipes.run(config, listener, stop);
        } catch (org.metaapo.error.InterruptedRunException e) {
            notes.add("stopped");
        }
        assertThat(notes).contains("stopped");
        List<String> again = new ArrayList<>();
        Recipes.run(config, new RunListener() {
            @Override
            public void note(String line) {
                again.add(line);
            }
        }, new StopSignal());
        assertThat(again.stream().filter(line -> line.startsWith("difficulty:")))
                .containsExactly("difficulty: reference run 2 of 2, half 1 of 2", "difficulty: reference run 2 of 2, half 2 of 2");
        assertThat(again).contains("kept the 4 easiest of 8 pairs");
        List<JsonNode> interrupted = lines(config, null);
        List<JsonNode> whole = steps(config(Path.of("examples/recipes/selective-dpo.yaml"), temp.resolve("whole"), "train.epochs=1"));
        assertThat(interrupted).hasSize(2);
        assertThat(interrupted.get(1).path("loss").asDouble()).isEqualTo(whole.get(1).path("loss").asDouble());
    }

    @Test
    void adpoCountsTheLabelsThatItAsksFor() throws IOException {
        Path example = Path.of("examples/recipes/adpo.yaml");
        RunConfig all = config(example, temp.resolve("all"), "train.epochs=1", "objective.threshold=1e6");
        steps(all);
        assertThat(lines(all, "end").get(0).path("labels_asked").asInt()).isEqualTo(8);
        RunConfig none = config(example, temp.resolve("none"), "train.epochs=1", "objective.threshold=0", "reference.path=" + Fixtures.path("tiny-llama-ref"));
        steps(none);
        assertThat(lines(none, "end").get(0).path("labels_asked").asInt()).isZero();
    }

    @Test
    void ktoTrainsOnSingleAnswersWithLabelsAsOnPairs() throws IOException {
        Path unpaired = temp.resolve("unpaired.jsonl");
        Files.write(unpaired, List.of(
                "{\"prompt\":\"Name a colour.\",\"completion\":\"Blue.\",\"label\":true}",
                "{\"prompt\":\"Name a colour.\",\"completion\":\"Seven.\",\"label\":false}",
                "{\"prompt\":\"Name a fruit.\",\"completion\":\"Apple.\",\"label\":true}"));
        RunConfig config = config(
                Path.of("examples/recipes/kto.yaml"), temp, "train.epochs=1", "train.batch=3", "data.train=[" + unpaired + "]",
                "objective.undesirable=2");
        JsonNode step = steps(config).get(0);
        // 1 − σ(0) of each good answer, twice that of the bad one.
        assertThat(step.path("loss").asDouble()).isCloseTo((0.5 + 0.5 + 1) / 3, within(1e-4));
        assertThat(step.path("accuracy").isNull()).isTrue();
    }

    @Test
    void aClassOfTheUsersIsTheSameAsTheBuiltInObjectiveOfItsFormula() throws IOException {
        for (String recipe : List.of("dpo", "metaapo")) {
            Path example = Path.of("examples/recipes/" + recipe + ".yaml");
            List<JsonNode> built = steps(config(example, temp.resolve("built")));
            List<JsonNode> own = steps(config(
                    example, temp.resolve("own"), "objective.name=java", "objective.class=" + DpoInJava.class.getName()));
            assertThat(own).hasSameSizeAs(built);
            for (int i = 0; i < own.size(); i++) {
                assertThat(own.get(i).path("loss").asDouble()).isCloseTo(built.get(i).path("loss").asDouble(), within(1e-5));
            }
        }
    }

    /** DPO with β 0.1, as a user would write it. */
    public static final class DpoInJava implements PairLoss {
        @Override
        public Value evaluate(Pair pair) {
            double z = 0.1 * ((pair.chosen() - pair.referenceChosen()) - (pair.rejected() - pair.referenceRejected()));
            double slope = -0.1 / (1 + Math.exp(z));
            return new Value(Math.log1p(Math.exp(-z)), slope, -slope);
        }
    }

    /** Pins the present courses. */
    public static void main(String[] args) throws IOException {
        Path out = Files.createTempDirectory("pin");
        ObjectNode all = Json.mapper().createObjectNode();
        for (Path example : examples().toList()) {
            pin(all, name(example), config(example, out));
        }
        for (String recipe : recipes().toList()) {
            pin(all, withAdapter(recipe), adapted(recipe, out));
        }
        Files.writeString(PINNED, Json.writePretty(all) + "\n");
    }

    private static void pin(ObjectNode all, String name, RunConfig config) throws IOException {
        ArrayNode pinned = all.putArray(name);
        steps(config).stream().limit(STEPS).forEach(step -> pinned.addObject()
                .put("loss", step.path("loss").asDouble()).put("grad_norm", step.path("grad_norm").asDouble()));
    }
}
