package org.metaapo.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Sampling;
import org.metaapo.error.RankFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.ThreadRanks;
import org.metaapo.reward.FakeService;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Scores, answers and rewards of several ranks are those of one, on each of them. */
class JobsOnRanksTest {
    private static final List<Path> DATA = List.of(Fixtures.path("pairs.jsonl"));

    @TempDir
    Path temp;

    private interface Job {
        Lines run(Ranks ranks, Engine engine);
    }

    private static Lines run(Ranks ranks, Job job) {
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            return job.run(ranks, engine);
        }
    }

    private List<String> lines(Lines lines) throws IOException {
        Path file = temp.resolve("lines.jsonl");
        lines.write(Destination.of(file));
        return Files.readAllLines(file);
    }

    private void assertAsOnOneRank(Job job) throws IOException {
        List<String> expected = lines(run(Ranks.single(), job));
        assertThat(expected).hasSize(8);
        for (int size : new int[] {2, 3}) {
            for (Lines ofRank : ThreadRanks.run(size, ranks -> run(ranks, job))) {
                List<String> found = lines(ofRank);
                assertThat(found).hasSameSizeAs(expected);
                for (int i = 0; i < found.size(); i++) {
                    assertClose(Json.parse(found.get(i), "found"), Json.parse(expected.get(i), "expected"));
                }
            }
        }
    }

    private static void assertClose(JsonNode found, JsonNode expected) {
        assertThat(found.size()).isEqualTo(expected.size());
        if (expected.isFloatingPointNumber()) {
            assertThat(found.asDouble()).isCloseTo(expected.asDouble(), within(1e-6 * Math.max(1, Math.abs(expected.asDouble()))));
        } else if (expected.isValueNode()) {
            assertThat(found).isEqualTo(expected);
        } else if (expected.isArray()) {
            for (int i = 0; i < expected.size(); i++) {
                assertClose(found.get(i), expected.get(i));
            }
        } else {
            expected.fieldNames().forEachRemaining(name -> assertClose(found.path(name), expected.path(name)));
        }
    }

    private static Lines score(Ranks ranks, Engine engine, List<Path> data) {
        return ScoreJob.run(
                engine, Dtype.F32, Fixtures.path("tiny-llama"), null, null, Fixtures.path("tiny-llama-ref"), data, new ScoreJob.Lengths(512, 256),
                ChatOptions.DEFAULT, Map.of(), null, RunListener.SILENT, ranks);
    }

    @Test
    void scores() throws IOException {
        assertAsOnOneRank((ranks, engine) -> score(ranks, engine, DATA));
    }

    @Test
    void answers() throws IOException {
        Sampling sampling = new Sampling(3, 12, false, 0, 1, 1, 7, new int[0]);
        assertAsOnOneRank((ranks, engine) -> GenerateJob.run(
                engine, Dtype.F32, Fixtures.path("tiny-llama"), null, null, DATA, ChatOptions.DEFAULT, Map.of(), sampling, 4, RunListener.SILENT, ranks));
    }

    @Test
    void rewards() throws IOException {
        RewardSource source = RewardSource.of(RunConfig.reward(List.of("reward.path=" + Fixtures.path("tiny-rm"))));
        assertAsOnOneRank((ranks, engine) -> RewardJob.run(
                source, () -> Engine.open(DeviceSpec.CPU, 1), Dtype.F32, null, DATA, Map.of(), RunListener.SILENT, new StopSignal(), ranks));
    }

    @Test
    void aServiceIsAskedOnce() throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            RewardSource source = RewardSource.of(RunConfig.reward(List.of("reward.url=" + service.url())));
            Job job = (ranks, engine) -> RewardJob.run(
                    source, null, Dtype.F32, null, DATA, Map.of(), RunListener.SILENT, new StopSignal(), ranks);
            lines(run(Ranks.single(), job));
            List<String> asked = service.asked();
            service.bodies.clear();
            ThreadRanks.run(3, ranks -> run(ranks, job));
            assertThat(service.asked()).containsExactlyInAnyOrderElementsOf(asked);
            assertAsOnOneRank(job);
        }
    }

    @Test
    void ranksWithOtherRowsAreRefusedByOneMessage() throws IOException {
        Path less = temp.resolve("less.jsonl");
        Files.write(less, Files.readAllLines(DATA.get(0)).subList(0, 7));
        List<ThreadRanks.Outcome<Lines>> outcomes = ThreadRanks.outcomes(2, ranks -> run(ranks, (of, engine) ->
                score(of, engine, ranks.leader() ? DATA : List.of(less))));
        assertThat(outcomes.get(0).failure()).isInstanceOf(UsageException.class).hasMessageContaining("other ones on rank 1");
        assertThat(outcomes.get(1).failure()).isInstanceOf(RankFailedException.class);
    }
}
