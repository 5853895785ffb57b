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
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.reward.Overlong;
import org.metaapo.reward.RewardModel;
import org.metaapo.reward.RewardReader;
import org.metaapo.text.Answer;

/** Conversations that are longer than the reward model reads: told beforehand, and dropped, cut or refused as the key says. */
class OverlongRewardTest {
    @TempDir
    Path temp;

    private Path model;
    private List<Row> rows;

    @BeforeEach
    void load() {
        model = Fixtures.path("tiny-rm");
        rows = DataFiles.load(List.of(Fixtures.path("pairs.jsonl")), DataFiles.Options.STRICT).rows();
    }

    /** tiny-rm, said to have few positions. */
    private Path reading(int positions) throws IOException {
        Path folder = Files.createTempDirectory(temp, "rm");
        try (var files = Files.list(model)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        ObjectNode config = (ObjectNode) Json.read(folder.resolve("config.json"));
        Files.writeString(folder.resolve("config.json"), Json.write(config.put("max_position_embeddings", positions)));
        return folder;
    }

    private List<double[]> scores(Engine engine, Path folder, Overlong overlong, RankingWatch watch) {
        try (AdaptedFolder opened = AdaptedFolder.open(folder);
                RewardModel reward = RewardModel.open(engine, opened, Dtype.F32, overlong, 400)) {
            return reward.score(rows.stream().map(Row::prompt).toList(), answers(), watch);
        }
    }

    private List<List<Answer>> answers() {
        return rows.stream().map(row -> List.of(row.chosen(), row.rejected())).toList();
    }

    private static RankingWatch watch() {
        return new RankingWatch(RunListener.SILENT, new StopSignal());
    }

    /** Lengths of the conversations, and one that about half of them are longer than. */
    private int[][] lengths() {
        try (AdaptedFolder opened = AdaptedFolder.open(model);
                RewardReader reader = RewardReader.open(opened)) {
            return rows.stream().map(row -> new int[] {
                reader.encode(row.prompt(), row.chosen()).length, reader.encode(row.prompt(), row.rejected()).length}).toArray(int[][]::new);
        }
    }

    private static int median(int[][] lengths) {
        int[] all = Arrays.stream(lengths).flatMapToInt(Arrays::stream).sorted().toArray();
        return all[all.length / 2];
    }

    @Test
    void dropLeavesOutWhatIsLongerAndScoresTheRestAsBefore() throws IOException {
        int[][] lengths = lengths();
        int positions = median(lengths);
        RankingWatch watch = watch();
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            List<double[]> whole = scores(engine, model, Overlong.STOP, watch());
            List<double[]> found = scores(engine, reading(positions), Overlong.DROP, watch);
            int out = 0;
            for (int i = 0; i < lengths.length; i++) {
                for (int j = 0; j < 2; j++) {
                    out += lengths[i][j] > positions ? 1 : 0;
                    assertThat(found.get(i)[j]).isEqualTo(lengths[i][j] > positions ? Double.NaN : whole.get(i)[j], within(1e-5));
                }
            }
            assertThat(watch.tooLong()).hasSize(out);
            assertThat(out).isBetween(1, 2 * lengths.length - 1);
            assertThat(scores(engine, reading(2), Overlong.DROP, watch())).allMatch(pair -> Double.isNaN(pair[0]) && Double.isNaN(pair[1]));
            Path few = reading(positions);
            assertThatThrownBy(() -> scores(engine, few, Overlong.STOP, watch())).isInstanceOf(DataException.class)
                    .hasMessageContaining("tokens, the reward model reads up to " + positions)
                    .hasMessageContaining("reward.overlong=drop leaves such answers out");
        }
    }

    @Test
    void cutReadsTheLastTokensAndKeepsTheAnswerWhole() throws IOException {
        int[][] lengths = lengths();
        int positions = median(lengths);
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                AdaptedFolder opened = AdaptedFolder.open(model);
                RewardReader reader = RewardReader.open(opened);
                ModelFolder folder = ModelFolder.open(model);
                Model loaded = ModelLoader.load(engine, folder, Dtype.F32, folder.config().head(), 0);
                Scorer scorer = loaded.scorer(400)) {
            RankingWatch watch = watch();
            List<double[]> found = scores(engine, reading(positions), Overlong.CUT, watch);
            int cut = 0;
            for (int i = 0; i < lengths.length; i++) {
                for (int j = 0; j < 2; j++) {
                    int[] ids = reader.encode(rows.get(i).prompt(), answers().get(i).get(j));
                    boolean isWhole = ids.length - reader.promptTokens(rows.get(i).prompt()) < positions;
                    int[] last = Arrays.copyOfRange(ids, Math.max(0, ids.length - positions), ids.length);
                    TokenBatch.Builder builder = TokenBatch.builder();
                    builder.pack(Arrays.copyOf(last, last.length - 1), List.of(new int[] {last[last.length - 1]}));
                    try (TokenBatch batch = builder.build()) {
                        assertThat(found.get(i)[j]).isEqualTo(isWhole ? scorer.values(batch)[0] : Double.NaN, within(1e-5));
                    }
                    cut += isWhole && ids.length > positions ? 1 : 0;
                }
            }
            assertThat(cut).isPositive();
            assertThat(watch.tooLong()).hasSizeGreaterThanOrEqualTo(cut);
        }
    }

    private RunConfig config(Path reward, String... overrides) {
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: " + temp.resolve("run"), "dtype: f32", "threads: 1",
                "model: {path: " + Fixtures.path("tiny-llama") + "}", "reward: {path: " + reward + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "rollout: {slice: 4, k: 3, max_new_tokens: 8, decision: all}", "train: {batch: 4}"), "run.yaml", List.of(overrides));
    }

    private List<String> notes(RunConfig config, boolean plan) {
        List<String> notes = new ArrayList<>();
        RunListener listener = new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        };
        if (plan) {
            Recipes.size(config, listener);
        } else {
            Recipes.run(config, listener, new StopSignal());
        }
        return notes;
    }

    @Test
    void aRunGoesOnWithoutTheCandidatesThatAreOutAndCountsThem() throws IOException {
        int[] prompts;
        try (AdaptedFolder opened = AdaptedFolder.open(model);
                RewardReader reader = RewardReader.open(opened)) {
            prompts = rows.stream().mapToInt(row -> reader.promptTokens(row.prompt())).toArray();
        }
        // Some prompts alone are longer, others leave room for all answers.
        int positions = Arrays.stream(prompts).sorted().toArray()[prompts.length / 2] + 3;
        Path reward = reading(positions);
        RunConfig config = config(reward);
        assertThat(notes(config, true)).anySatisfy(note -> assertThat(note).contains("the reward model reads " + positions + " tokens")
                .contains("reward.overlong is drop"));
        assertThat(notes(config, false)).anySatisfy(note -> assertThat(note).contains("the reward model reads " + positions + " tokens"));
        RunFolder run = new RunFolder(temp.resolve("run"));
        int out = 0;
        int candidates = 0;
        for (int slice = 0; slice < 2; slice++) {
            for (String line : Files.readAllLines(run.samples(0, slice))) {
                JsonNode row = Json.parse(line, "samples");
                List<Integer> ranked = new ArrayList<>();
                for (int k = 0; k < row.path("answers").size(); k++) {
                    candidates++;
                    if (row.path("answers").get(k).path("reward").isNull()) {
                        out++;
                    } else {
                        ranked.add(k);
                    }
                }
                int best = row.path("online_chosen").asInt();
                assertThat(best == -1 || ranked.contains(best) && ranked.contains(row.path("online_rejected").asInt())).isTrue();
                assertThat(ranked.size() < 2 && best != -1).isFalse();
                assertThat(row.path("reward_chosen").isNull() || row.path("reward_rejected").isNull()).isFalse();
            }
        }
        assertThat(out).isBetween(1, candidates - 1);
        assertThat(run.end().path("answers_overlong").asInt()).isEqualTo(out);
        assertThat(run.end().path("answers_annotated").asInt()).isEqualTo(candidates - out);
        assertThat(run.model().resolve("model.safetensors")).exists();
    }

    @Test
    void stopTellsOfARowsOwnAnswerBeforeAnyWeightIsRead() throws IOException {
        Path reward = reading(10);
        for (boolean plan : new boolean[] {true, false}) {
            assertThatThrownBy(() -> notes(config(reward, "reward.overlong=stop"), plan)).isInstanceOf(DataException.class)
                    .hasMessageContaining("an answer of the row makes a conversation of").hasMessageContaining("pairs.jsonl:");
        }
        assertThat(temp.resolve("run/metrics.jsonl")).doesNotExist();
        assertThatThrownBy(() -> config(reward, "reward.path=null", "reward.url=http://localhost:1/x", "reward.overlong=cut"))
                .isInstanceOf(UsageException.class).hasMessageContaining("reward.overlong goes with reward.path");
    }

    @Test
    void aNullScoreLeavesAnAnswerOut() throws IOException {
        Path file = Files.writeString(temp.resolve("scored.jsonl"),
                "{\"prompt\": \"p\", \"responses\": [\"x\", \"y\", \"z\"], \"scores\": [null, 2, 1]}\n"
                        + "{\"prompt\": \"p\", \"responses\": [\"x\", \"y\"], \"scores\": [null, 2]}\n");
        DataFiles.Loaded loaded = DataFiles.load(List.of(file), DataFiles.Options.STRICT);
        assertThat(loaded.rows()).hasSize(1);
        assertThat(loaded.rows().get(0).chosen().text() + loaded.rows().get(0).rejected().text()).isEqualTo("yz");
    }
}
