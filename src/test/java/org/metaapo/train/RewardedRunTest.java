package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.metrics.Course;
import org.metaapo.report.Report;
import org.metaapo.reward.FakeService;

/** MetaAPO with rewards from a service: resumed runs pay for nothing twice and end in the same bits. */
class RewardedRunTest {
    private static final int STOPS = 4;

    @TempDir
    Path temp;

    private RunConfig config(String out, FakeService service, String... options) {
        List<String> overrides = new ArrayList<>(List.of(options));
        overrides.add("out=" + temp.resolve(out));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unset", "dtype: f32", "threads: 2",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "reward: {url: '" + service.url() + "', retries: 0, answers_per_request: 3, parallel: 2, timeout: 30}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "rollout: {slice: 5, k: 3, max_new_tokens: 8, decision: all}",
                "meta: {every: 2, init: random}", "optimizer: {learning_rate: 1e-3}", "checkpoint: {every: 50}",
                "train: {epochs: 2, batch: 2, micro_tokens: 300}"), "test", overrides);
    }

    private List<String> metrics(String out) throws IOException {
        return Course.texts(temp.resolve(out));
    }

    private JsonNode end(String out) throws IOException {
        List<String> lines = metrics(out);
        return Json.parse(lines.get(lines.size() - 1), "metrics");
    }

    private void assertSame(String a, String b) throws IOException {
        assertThat(temp.resolve(b).resolve("model/model.safetensors")).hasSameBinaryContentAs(temp.resolve(a).resolve("model/model.safetensors"));
        try (var samples = Files.list(temp.resolve(a).resolve("samples"))) {
            for (Path file : samples.toList()) {
                assertThat(temp.resolve(b).resolve("samples").resolve(file.getFileName())).hasSameBinaryContentAs(file);
            }
        }
    }

    @Test
    void aRunThatIsStoppedInItsRankingsPaysForNothingTwiceAndEndsInTheSameBits() throws IOException {
        try (FakeService whole = new FakeService(FakeService::well)) {
            Recipes.run(config("whole", whole, "reward.answers_per_request=8"), RunListener.SILENT, new StopSignal());
            List<String> asked = whole.asked();
            assertThat(asked).doesNotHaveDuplicates();
            JsonNode end = end("whole");
            // Two epochs of 8 rows with 3 answers and the offline pair, and the first row's pair beforehand.
            assertThat(end.path("reward_lookups").asInt()).isEqualTo(2 * 8 * 5 + 2);
            assertThat(end.path("reward_cache_hits").asInt()).isEqualTo(82 - asked.size()).isGreaterThanOrEqualTo(18);
            assertThat(end.path("reward_calls").asInt()).isEqualTo(whole.requests());
            assertThat(end.path("reward_failures").asInt()).isZero();
            assertThat(end.path("reward_prompt_tokens").asInt()).isEqualTo(10 * whole.requests());
            Report.write(new RunFolder(temp.resolve("whole")));
            assertThat(Files.readString(temp.resolve("whole/report.html"))).contains("\"reward_calls\":" + whole.requests());

            // The same service, so that the same content has the same key; stops in its first rankings.
            whole.bodies.clear();
            int stops = 0;
            while (true) {
                StopSignal stop = new StopSignal();
                try {
                    RunListener listener = stops < STOPS ? stopInRanking(stop) : RunListener.SILENT;
                    Recipes.run(config("stopped", whole, "reward.answers_per_request=8"), listener, stop);
                    break;
                } catch (InterruptedRunException e) {
                    stops++;
                }
            }
            assertThat(stops).isEqualTo(STOPS);
            assertThat(whole.asked()).containsExactlyInAnyOrderElementsOf(asked);
            assertSame("whole", "stopped");
            // Calls may be cut otherwise, for batches hold what is still missing; all else is equal.
            ObjectNode again = (ObjectNode) end("stopped");
            for (String name : List.of("reward_calls", "reward_prompt_tokens", "reward_completion_tokens")) {
                again.set(name, end.path(name));
            }
            assertThat(again).isEqualTo(end);
            List<String> before = metrics("whole");
            assertThat(metrics("stopped").subList(0, before.size() - 1)).isEqualTo(before.subList(0, before.size() - 1));
        }
    }

    /** Stops as soon as a ranking has new scores, with some calls still to come. */
    private static RunListener stopInRanking(StopSignal stop) {
        return new RunListener() {
            private boolean ranking;
            private long first;

            @Override
            public void begin(String phase, long total) {
                ranking = phase.equals("ranking");
                first = -1;
            }

            @Override
            public void progress(long done, String detail) {
                if (ranking && first < 0) {
                    first = done;
                } else if (ranking && done > first) {
                    stop.request();
                }
            }
        };
    }

    @Test
    void aServiceThatBreaksInTheMiddleLosesNoStepAndTheSameCommandGoesOn() throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            Recipes.run(config("whole", service, "train.epochs=1"), RunListener.SILENT, new StopSignal());
            service.bodies.clear();
            int broken = service.requests() + 12;
            service.behave((exchange, body, number) -> {
                if (number >= broken) {
                    FakeService.send(exchange, 503, "");
                } else {
                    FakeService.well(exchange, body, number);
                }
            });
            assertThatThrownBy(() -> Recipes.run(config("broken", service, "train.epochs=1"), RunListener.SILENT, new StopSignal()))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("answered status 503");
            service.behave(FakeService::well);
            List<String> notes = new ArrayList<>();
            Recipes.run(config("broken", service, "train.epochs=1", "reward.retries=3", "reward.timeout=9", "reward.answers_per_request=2"), new RunListener() {
                @Override
                public void note(String line) {
                    notes.add(line);
                }
            }, new StopSignal());
            assertThat(notes).anyMatch(note -> note.startsWith("continuing at step "));
            assertSame("whole", "broken");
            assertThat(end("broken").path("reward_failures").asInt()).isPositive();
        }
    }

    @Test
    void aServiceThatDoesNotWorkIsFoundBeforeAnyWeightIsLoaded() throws IOException {
        List<String> phases = new ArrayList<>();
        RunListener listener = new RunListener() {
            @Override
            public void begin(String phase, long total) {
                phases.add(phase);
            }
        };
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, "<html>"))) {
            assertThatThrownBy(() -> Recipes.run(config("run", service), listener, new StopSignal()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("answered HTML");
        }
        assertThat(phases).doesNotContain("loading the model");
    }

    @Test
    void theOfflinePairCanBeLeftOut() throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            Recipes.run(config("run", service, "reward.offline_pairs=false", "train.epochs=1"), RunListener.SILENT, new StopSignal());
        }
        assertThat(end("run").path("reward_lookups").asInt()).isEqualTo(8 * 3 + 2);
        JsonNode sample = Json.parse(Files.readAllLines(temp.resolve("run/samples/epoch-000-slice-0000.jsonl")).get(0), "sample");
        assertThat(sample.path("sampled").asBoolean()).isTrue();
        assertThat(sample.has("reward_chosen")).isFalse();
    }

    @Test
    void rowsOfPromptsAloneAreRankedByAServiceToo() throws IOException {
        Path prompts = Files.writeString(temp.resolve("prompts.jsonl"), "{\"prompt\":\"Name a colour.\"}\n{\"prompt\":\"Name a fruit.\"}\n");
        try (FakeService service = new FakeService(FakeService::well)) {
            Recipes.run(config("run", service, "recipe=online-dpo", "data.train=[" + prompts + "]", "train.epochs=1", "rollout.k=3"),
                    RunListener.SILENT, new StopSignal());
        }
        assertThat(end("run").path("reward_lookups").asInt()).isEqualTo(2 * 3);
    }
}
