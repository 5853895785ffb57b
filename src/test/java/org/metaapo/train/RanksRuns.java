package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.metaapo.config.RunConfig;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.RankFailedException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.metrics.Course;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.ThreadRanks;

/**
 * Runs of the examples on a tiny model and on ranks that are threads, and what came of them.
 *
 * @param temp folder of their folders
 * @param kept folder of those that several tests compare with
 */
record RanksRuns(Path temp, Path kept) {
    RunConfig config(String recipe, String out, String... more) {
        Path example = Path.of("examples/recipes/" + recipe + ".yaml");
        List<String> all = new ArrayList<>(List.of(
                "out=" + temp.resolve(out), "dtype=f32", "threads=1", "model.path=" + Fixtures.path("tiny-llama"),
                "data.train=[" + Fixtures.path("pairs.jsonl") + "]", "data.eval=[" + Fixtures.path("pairs.jsonl") + "]", "data.max_length=256",
                "data.max_prompt_length=128", "rollout.slice=5", "rollout.max_new_tokens=8", "meta.every=2", "meta.init=random",
                "optimizer.learning_rate=1e-4", "optimizer.warmup=0", "train.batch=3", "train.epochs=7", "train.micro_tokens=300",
                "selective.runs=1", "selective.keep=0.8"));
        if (RunConfig.load(example, List.of()).path("reward.path") != null) {
            all.add("reward.path=" + Fixtures.path("tiny-rm"));
        }
        all.addAll(List.of(more));
        return RunConfig.load(example, all);
    }

    static List<Totals> run(int size, Function<Ranks, RunConfig> config) {
        return size == 1
                ? List.of(Recipes.run(config.apply(Ranks.single()), RunListener.SILENT, new StopSignal()))
                : ThreadRanks.run(size, ranks -> Recipes.run(config.apply(ranks), RunListener.SILENT, new StopSignal(), ranks));
    }

    /** The folder of a whole run, which is made once. */
    String whole(String recipe, int size, String... keys) {
        String out = kept.resolve(recipe + "-" + size + "-" + String.join("-", keys).replaceAll("[^a-z0-9=-]", "")).toString();
        if (!Files.exists(Path.of(out))) {
            run(size, ranks -> config(recipe, out, keys));
        }
        return out;
    }

    /** One rank says what happened, all end with its status. */
    static void assertFailed(List<? extends ThreadRanks.Outcome<?>> outcomes, Class<? extends MetaapoException> type) {
        assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.failure()).isInstanceOf(MetaapoException.class));
        assertThat(outcomes.stream().filter(outcome -> !(outcome.failure() instanceof RankFailedException)).toList()).singleElement()
                .satisfies(outcome -> assertThat(outcome.failure()).isInstanceOf(type));
        assertThat(outcomes.stream().map(outcome -> ((MetaapoException) outcome.failure()).exitStatus()).distinct().toList()).hasSize(1);
    }

    List<JsonNode> metrics(String out) throws IOException {
        return Course.of(temp.resolve(out));
    }

    /** Numbers within {@code tolerance} of each other, beside a scale of one or their own; all else equal. */
    static void assertClose(JsonNode found, JsonNode expected, double tolerance, String where) {
        if (expected.isObject()) {
            List<String> names = new ArrayList<>();
            expected.fieldNames().forEachRemaining(names::add);
            assertThat(found.size()).as(where).isEqualTo(expected.size());
            // A difference of log-prob sums is as exact as they are.
            double ofSums = tolerance * Math.max(1, Math.abs(expected.path("logps_chosen").asDouble()));
            names.forEach(name -> assertClose(
                    found.path(name), expected.path(name), name.equals("kl") ? ofSums : tolerance, where + "." + name));
        } else if (expected.isArray()) {
            assertThat(found.size()).as(where).isEqualTo(expected.size());
            for (int i = 0; i < expected.size(); i++) {
                assertClose(found.get(i), expected.get(i), tolerance, where + "[" + i + "]");
            }
        } else if (expected.isFloatingPointNumber()) {
            assertThat(found.asDouble()).as(where).isCloseTo(expected.asDouble(), within(tolerance * Math.max(1, Math.abs(expected.asDouble()))));
        } else {
            assertThat(found).as(where).isEqualTo(expected);
        }
    }

    void assertSameCourse(String one, String other) throws IOException {
        assertSameCourse(one, other, 1e-6);
    }

    void assertSameCourse(String one, String other, double tolerance) throws IOException {
        List<JsonNode> expected = metrics(one);
        List<JsonNode> found = metrics(other);
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertClose(found.get(i), expected.get(i), tolerance, other + " line " + i);
        }
        Path samples = temp.resolve(one).resolve("samples");
        if (Files.isDirectory(samples)) {
            try (Stream<Path> files = Files.list(samples)) {
                for (Path file : files.toList()) {
                    List<String> a = Files.readAllLines(file);
                    List<String> b = Files.readAllLines(temp.resolve(other).resolve("samples").resolve(file.getFileName()));
                    assertThat(b).hasSameSizeAs(a);
                    for (int i = 0; i < a.size(); i++) {
                        assertClose(Json.parse(b.get(i), "sample"), Json.parse(a.get(i), "sample"), tolerance, other + " " + file.getFileName() + " line " + i);
                    }
                }
            }
        }
    }
}
