package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Rows that bring {@code online_chosen} and {@code online_rejected}. */
class OnlinePairsTest {
    @TempDir
    Path temp;

    private RunConfig config(String out, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unset", "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + Fixtures.path("tiny-llama") + "}", "reference: {path: " + Fixtures.path("tiny-llama-ref") + "}",
                "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("online.jsonl") + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "rollout: {decision: none, slice: 8, k: 2, max_new_tokens: 8}", "meta: {every: 1}",
                "optimizer: {learning_rate: 1e-3, schedule: constant, warmup: 0}", "train: {epochs: 1, batch: 8}"), "test", all);
    }

    private List<JsonNode> lines(String out) throws IOException {
        return Files.readAllLines(new RunFolder(temp.resolve(out)).metrics()).stream().map(line -> Json.parse(line, "metrics")).toList();
    }

    private JsonNode first(String out, String... overrides) throws IOException {
        Recipes.run(config(out, overrides), RunListener.SILENT, new StopSignal());
        return lines(out).stream().filter(line -> !line.has("kind")).findFirst().orElseThrow();
    }

    private JsonNode end(String out) throws IOException {
        List<JsonNode> lines = lines(out);
        return lines.get(lines.size() - 1);
    }

    private List<String> notes(String out, String... overrides) {
        List<String> notes = new ArrayList<>();
        Recipes.run(config(out, overrides), new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        }, new StopSignal());
        return notes;
    }

    /** Lines of the fixture, with some changed. */
    private Path data(String name, java.util.function.BiFunction<Integer, ObjectNode, JsonNode> change) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(Fixtures.path("online.jsonl"))) {
            lines.add(Json.write(change.apply(lines.size(), (ObjectNode) Json.parse(line, "row"))));
        }
        return Files.write(temp.resolve(name), lines);
    }

    private static ObjectNode withoutOnline(ObjectNode row) {
        row.remove(List.of("online_chosen", "online_rejected"));
        return row;
    }

    /** From transformers' log-probs: the mean of w·L(offline) + (1 − w)·L(online), w of the learner as it starts; and of L(offline) alone. */
    @ParameterizedTest
    @CsvSource({"1, true, 0.7942995, 1", "1, false, 0.7942995, 1", "0.1, true, 0.8005644, 1"})
    void theFirstLossIsTheMixOfBoth(double scale, boolean share, double loss, double onlineShare) throws IOException {
        JsonNode step = first("run", "meta.score_scale=" + scale, "data.share_prompts=" + share);
        assertThat(step.path("loss").asDouble()).isCloseTo(loss, within(2e-5));
        assertThat(step.path("online_share").asDouble()).isEqualTo(onlineShare);
        assertThat(lines("run").stream().filter(line -> line.path("kind").asText().equals("meta")).findFirst().orElseThrow().path("rows").asInt())
                .isEqualTo(8);
    }

    @Test
    void aConstantWeightMixesByItAndOneIsTheOfflineLoss() throws IOException {
        double offline = first("offline", "meta.weight=constant", "meta.constant=1").path("loss").asDouble();
        assertThat(offline).isCloseTo(0.6698211, within(2e-5));
        double online = first("online", "meta.weight=constant", "meta.constant=0").path("loss").asDouble();
        double half = first("half", "meta.weight=constant", "meta.constant=0.5").path("loss").asDouble();
        assertThat(half).isCloseTo((offline + online) / 2, within(1e-6));
        Path plain = data("plain.jsonl", (i, row) -> withoutOnline(row));
        assertThat(first("plain", "data.train=[" + plain + "]").path("loss").asDouble()).isCloseTo(offline, within(1e-6));
    }

    @ParameterizedTest
    @ValueSource(strings = {"simpo", "kto", "ipo"})
    void everyObjectiveMixesBoth(String objective) throws IOException {
        String[] keys = {"objective.name=" + objective, objective.equals("simpo") ? "reference.path=null" : "seed=42", "meta.weight=constant"};
        double[] losses = new double[3];
        for (int i = 0; i < losses.length; i++) {
            List<String> all = new ArrayList<>(List.of(keys));
            all.add("meta.constant=" + i / 2.0);
            losses[i] = first("run" + i, all.toArray(String[]::new)).path("loss").asDouble();
        }
        assertThat(losses[1]).isCloseTo((losses[0] + losses[2]) / 2, within(1e-5 * Math.abs(losses[1])));
        assertThat(losses[0]).isNotCloseTo(losses[2], within(1e-3));
    }

    @Test
    void aRowThatBringsItsPairIsNotSampled() throws IOException {
        Path mixed = data("mixed.jsonl", (i, row) -> i < 3 ? withoutOnline(row) : row);
        JsonNode step = first("run", "data.train=[" + mixed + "]", "rollout.decision=all");
        assertThat(end("run").path("prompts_sampled").asInt()).isEqualTo(3);
        assertThat(end("run").path("answers_annotated").asInt()).isEqualTo(6);
        assertThat(end("run").path("prompts_seen").asInt()).isEqualTo(8);
        assertThat(step.path("online_share").asDouble()).isGreaterThanOrEqualTo(5.0 / 8);
        List<String> samples = Files.readAllLines(new RunFolder(temp.resolve("run")).samples(0, 0));
        assertThat(Json.parse(samples.get(0), "sample").path("sampled").asBoolean()).isTrue();
        JsonNode given = Json.parse(samples.get(7), "sample");
        assertThat(given.path("sampled").asBoolean()).isFalse();
        assertThat(given.path("given_chosen").asText()).isEqualTo("A better answer 7.");
        assertThat(given.path("given_rejected").asText()).isEqualTo("Nope.");
        assertThat(given.path("score").isNumber()).isTrue();
    }

    @Test
    void equalOnlineAnswersAreATieAndTheRowStaysOffline() throws IOException {
        Path equal = data("equal.jsonl", (i, row) -> row.set("online_rejected", row.path("online_chosen")));
        JsonNode step = first("run", "data.train=[" + equal + "]");
        assertThat(step.path("loss").asDouble()).isCloseTo(0.6698211, within(2e-5));
        assertThat(step.path("online_share").asDouble()).isZero();
        assertThat(end("run").path("ties").asInt()).isEqualTo(8);
    }

    @Test
    void rowsWithoutOneAreLeftOutWhereThatIsAskedFor() throws IOException {
        Path mixed = data("mixed.jsonl", (i, row) -> i % 2 == 0 ? withoutOnline(row) : row);
        JsonNode step = first("run", "data.train=[" + mixed + "]", "rollout.unsampled=drop", "train.batch=4");
        assertThat(step.path("online_share").asDouble()).isEqualTo(1);
        assertThat(step.path("epoch").asDouble()).isEqualTo(1);
        Path none = data("none.jsonl", (i, row) -> withoutOnline(row));
        assertThatThrownBy(() -> first("none", "data.train=[" + none + "]", "rollout.unsampled=drop")).isInstanceOf(RunFailedException.class)
                .hasMessageContaining("nothing was trained").hasMessageContaining("no row has an online pair and rollout.unsampled is drop");
    }

    @ParameterizedTest
    @ValueSource(strings = {"dpo", "adpo", "selective-dpo", "selm", "sft", "reward-model", "dpo objective.name=kto"})
    void recipesThatWouldIgnoreThemRefuseThem(String recipe) {
        List<String> keys = new ArrayList<>(List.of(("recipe=" + recipe).split(" ")));
        if (recipe.equals("sft") || recipe.equals("reward-model")) {
            keys.add("reference.path=null");
        }
        assertThatThrownBy(() -> Recipes.run(config("run", keys.toArray(String[]::new)), RunListener.SILENT, new StopSignal()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("online.jsonl:1: has online_chosen and online_rejected, which this recipe does not train on");
    }

    @Test
    void whoeverReadsPromptsAloneSaysSoAndHeldOutOnesAreNotRead() {
        assertThat(notes("online-dpo", "recipe=online-dpo")).anyMatch(note -> note.contains("8 with an online pair, which is not read"));
        assertThat(notes("held-out", "data.eval=[" + Fixtures.path("online.jsonl") + "]"))
                .anyMatch(note -> note.startsWith("data.train:") && note.contains("8 with an online pair") && !note.contains("not read"))
                .anyMatch(note -> note.startsWith("data.eval:") && note.contains("8 with an online pair, which is not read"));
    }

    @Test
    void aStopChangesNothing() throws IOException {
        Path mixed = data("mixed.jsonl", (i, row) -> i % 2 == 0 ? withoutOnline(row) : row);
        for (String decision : List.of("none", "adaptive")) {
            String[] keys = {"data.train=[" + mixed + "]", "train.batch=3", "train.epochs=2", "rollout.decision=" + decision};
            Recipes.run(config("whole-" + decision, keys), RunListener.SILENT, new StopSignal());
            for (boolean again = true; again; ) {
                StopSignal stop = new StopSignal();
                try {
                    Recipes.run(config("stopped-" + decision, keys), new RunListener() {
                        @Override
                        public void metrics(ObjectNode line) {
                            if (!line.has("kind")) {
                                stop.request();
                            }
                        }
                    }, stop);
                    again = false;
                } catch (InterruptedRunException e) {
                    // And on.
                }
            }
            assertThat(temp.resolve("stopped-" + decision + "/model/model.safetensors"))
                    .hasSameBinaryContentAs(temp.resolve("whole-" + decision + "/model/model.safetensors"));
        }
    }

    @Test
    void thePlanHasRoomForThem() throws IOException {
        Path plain = data("plain.jsonl", (i, row) -> withoutOnline(row));
        RunSize without = Recipes.size(config("plan", "data.train=[" + plain + "]"), RunListener.SILENT);
        RunSize with = Recipes.size(config("plan"), RunListener.SILENT);
        assertThat(with.tokens()).isGreaterThan(without.tokens());
        Path longer = data("longer.jsonl", (i, row) -> {
            ((ObjectNode) row.path("online_chosen").get(0)).put("content", "word ".repeat(100));
            return row;
        });
        RunSize most = Recipes.size(config("plan", "data.train=[" + longer + "]"), RunListener.SILENT);
        assertThat(most.longestPack()).isGreaterThan(with.longestPack() + 80);
    }
}
