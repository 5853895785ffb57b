package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.jobs.ExportJob;
import org.metaapo.metrics.Course;
import org.metaapo.ranks.ThreadRanks;
import org.metaapo.tracking.RunInfo;
import org.metaapo.tracking.Tracker;

/** Runs with trackers: what they are given, across stops and on ranks; and folders that are shown later. */
class TrackedRunTest {
    /** What trackers of this class were told, of all runs. */
    private static final List<String> TOLD = Collections.synchronizedList(new ArrayList<>());

    @TempDir
    Path temp;

    /** A user's tracker, which fails now and then. */
    public static final class Recorder implements Tracker {
        @Override
        public void start(RunInfo run, long resumedAtStep) {
            TOLD.add("start " + run.name() + " " + resumedAtStep + " " + run.config().get("recipe"));
        }

        @Override
        public void log(long step, double time, Map<String, Double> values) {
            if (values.containsKey("train/metaapo/meta_loss")) {
                throw new IllegalStateException("not this one");
            }
            TOLD.add(values.keySet().iterator().next() + " " + step);
        }

        @Override
        public void text(long step, double time, String tag, String markdown) {
            TOLD.add(tag + " " + step);
        }

        @Override
        public void end(Status status) {
            TOLD.add("end " + status);
        }
    }

    @BeforeEach
    void forget() {
        TOLD.clear();
    }

    private RunConfig config(String out, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unset", "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + Fixtures.path("tiny-llama") + "}", "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], eval: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "rollout: {slice: 4, k: 2, max_new_tokens: 4, decision: all}", "meta: {every: 2}",
                "optimizer: {learning_rate: 1e-3}", "checkpoint: {every: 2}", "train: {epochs: 1, batch: 2}",
                "trackers: [tensorboard, {class: \"" + Recorder.class.getName() + "\"}]"), "test", all);
    }

    private List<String> run(RunConfig config, int stopAtStep) {
        List<String> notes = new ArrayList<>();
        StopSignal stop = new StopSignal();
        try {
            Recipes.run(config, new RunListener() {
                @Override
                public void note(String line) {
                    notes.add(line);
                }

                @Override
                public void metrics(ObjectNode line) {
                    if (!line.has("kind") && line.path("step").asInt() == stopAtStep) {
                        stop.request();
                    }
                }
            }, stop);
        } catch (InterruptedRunException e) {
            notes.add(e.getMessage());
        }
        return notes;
    }

    @Test
    void trackersChangeNothingAndAStoppedRunIsShownWhole() throws IOException {
        run(config("plain", "trackers=[]"), 0);
        assertThat(temp.resolve("plain/tensorboard")).doesNotExist();
        assertThat(run(config("first"), 3)).anyMatch(note -> note.contains("1 of ") && note.contains("not this one"));
        assertThat(TOLD).contains("start first -1 metaapo", "end STOPPED");
        run(config("first"), 0);
        assertThat(TOLD).contains("start first 3 metaapo", "end FINISHED");
        assertThat(TOLD.stream().filter(told -> told.startsWith("train/epoch")))
                .containsExactly("train/epoch 1", "train/epoch 2", "train/epoch 3", "train/epoch 4");
        assertThat(TOLD.stream().filter(told -> told.startsWith("samples/online"))).containsExactly("samples/online 0", "samples/online 2");
        assertThat(Course.texts(temp.resolve("first"))).isEqualTo(Course.texts(temp.resolve("plain")));
        try (var files = Files.list(temp.resolve("first/tensorboard"))) {
            assertThat(files).hasSize(2);
        }
        // An export of the same folder replaces the files, and a finished run has an end.
        long lines = ExportJob.run(new RunFolder(temp.resolve("first")), RunConfig.trackers(List.of("tensorboard")), Map.of());
        assertThat(lines).isEqualTo(Course.of(temp.resolve("first")).size() - 1);
        try (var files = Files.list(temp.resolve("first/tensorboard"))) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void ofRanksTheLeaderAloneTracks() {
        RanksRuns runs = new RanksRuns(temp, temp);
        String trackers = "trackers=[{class: \"" + Recorder.class.getName() + "\"}]";
        ThreadRanks.run(2, ranks -> Recipes.run(runs.config("dpo", "two", trackers, "train.epochs=1"), RunListener.SILENT, new StopSignal(), ranks));
        assertThat(TOLD.stream().filter(told -> told.startsWith("start"))).containsExactly("start two -1 dpo");
        assertThat(TOLD.stream().filter(told -> told.startsWith("train/epoch"))).doesNotHaveDuplicates();
    }

    /** An older run: no time, no phases, no names; the last line is half written. */
    @Test
    void aFolderOfAnOlderReleaseIsShown() throws IOException {
        Path old = Files.createDirectories(temp.resolve("old"));
        Files.writeString(old.resolve("metrics.jsonl"), String.join("\n",
                "{\"kind\":\"start\",\"recipe\":\"dpo\",\"rows\":8}", "{\"step\":1,\"epoch\":0.5,\"loss\":0.7,\"seconds\":2.0}",
                "{\"step\":2,\"epoch\":1.0,\"loss\":\"NaN\",\"seconds\":3.0}", "{\"step\":3,\"epoch\":1.5,\"lo"));
        RunConfig asked = RunConfig.trackers(List.of("{class: \"" + Recorder.class.getName() + "\"}"));
        assertThat(ExportJob.run(new RunFolder(old), asked, Map.of())).isEqualTo(2);
        assertThat(TOLD).containsExactly("start old -1 null", "train/epoch 1", "train/epoch 2", "end STOPPED");
    }

    @Test
    void wrongTrackersAreRefusedBeforeAnythingIsRead() {
        for (Map.Entry<String, String> wrong : Map.of(
                "[tensorbord]", "trackers has \"tensorbord\"; expected tensorboard, mlflow, trackio or {class: …}",
                "[wandb]", "wandb sync --sync-tensorboard reads", "[tensorboard, tensorboard]", "names tensorboard twice",
                "[{class: 3}]", "class is number 3", "[{clas: a.B}]", "has a mapping with \"clas\"",
                "[{class: a.B, class_path: [/no/such.jar]}]", "/no/such.jar: no such jar or folder", "[{class: a.B}]", "there is no class a.B",
                "[{class: java.lang.String}]", "java.lang.String does not implement org.metaapo.tracking.Tracker").entrySet()) {
            assertThatThrownBy(() -> Recipes.run(config("wrong", "trackers=" + wrong.getKey()), RunListener.SILENT, new StopSignal()))
                    .as(wrong.getKey()).isInstanceOf(UsageException.class).hasMessageContaining(wrong.getValue());
        }
        assertThat(temp.resolve("wrong")).doesNotExist();
        RunConfig config = config("round");
        assertThat(RunConfig.parse(config.toYaml(), "again", List.of())).isEqualTo(config);
    }
}
