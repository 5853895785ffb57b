package org.metaapo.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.files.Fixtures;

/** Event files against golden ones, which TensorBoard 2.21 reads, and across kills and resumes. */
class TensorBoardTrackerTest {
    private static final double T = 1.7e9;

    @TempDir
    Path temp;

    private final RunInfo run = new RunInfo("first", Path.of("runs/first"), Map.of("recipe", "metaapo"));

    @Test
    void filesAreTheGoldenBytes() throws IOException {
        Map<String, Object> h = new LinkedHashMap<>();
        h.put("recipe", "metaapo");
        h.put("objective.beta", 0.1);
        h.put("rollout.k", 8);
        h.put("data.shuffle", true);
        Path first = temp.resolve("events.out.tfevents.1700000000.localhost.1.0");
        try (EventFile file = new EventFile(first, T)) {
            file.write(Events.sessionStart(T, 0));
            file.write(Events.experiment(T, h, List.of("train/loss", "train/rewards/margins")));
            file.write(Events.sessionStartInfo(T, h, "first"));
            for (int s = 1; s <= 6; s++) {
                Map<String, Double> values = new LinkedHashMap<>();
                values.put("train/loss", 0.7 - 0.01 * s);
                values.put("train/rewards/margins", 0.05 * s);
                if (s == 3) {
                    values.put("train/grad_norm", Double.NaN);
                }
                file.write(Events.scalars(T + s, s, values));
            }
            file.write(Events.histogram(T + 4, 4, "metaapo/weight", new double[] {0.05, 0.1, 0.1, 0.3, 0.92}, 0, 1, 10));
            file.write(Events.text(T + 4, 4, "samples/online", "**prompt** how many: a b\n\n    answer `two` <b>ü</b>"));
        }
        Path second = temp.resolve("events.out.tfevents.1700000100.localhost.2.0");
        try (EventFile file = new EventFile(second, T + 100)) {
            file.write(Events.sessionStart(T + 100, 5));
            for (int s = 5; s <= 8; s++) {
                file.write(Events.scalars(T + 100 + s, s, Map.of("train/loss", 0.5 - 0.01 * s)));
            }
            file.write(Events.sessionEndInfo(T + 110, 1));
        }
        for (Path file : List.of(first, second)) {
            assertThat(file).hasSameBinaryContentAs(Fixtures.path("tensorboard/" + file.getFileName()));
        }
    }

    private static Map<String, Double> loss(double value) {
        return Map.of("train/loss", value);
    }

    /** As a run does that is killed after step 7 with a checkpoint of step 4, and again after step 9 with one of step 8. */
    @Test
    @DisplayName("tensorboard#3732: a resumed run shows no step twice")
    void aResumedRunShowsNoStepTwice() throws IOException {
        long[][] lives = {{-1, 7}, {4, 9}, {8, 12}};
        for (long[] life : lives) {
            // The process was killed: no end, and half a record.
            for (Path file : EventFile.files(temp)) {
                Files.write(file, new byte[] {40, 0, 0, 0, 0, 0, 0, 0, 1, 2}, StandardOpenOption.APPEND);
            }
            TensorBoardTracker tracker = new TensorBoardTracker(temp);
            tracker.start(run, life[0]);
            assertThat(tracker.firstStep()).isEqualTo(Math.max(0, life[0]));
            if (life[0] >= 0) {
                tracker.log(life[0], T, loss(life[0]));
            }
            for (long step = life[0] < 0 ? 1 : life[0]; step <= life[1]; step++) {
                if (step > life[0]) {
                    tracker.log(step, T, loss(step));
                }
                if (step % 4 == 0) {
                    // After the checkpoint of its step.
                    tracker.log(step, T, Map.of("eval/loss", step + 0.5));
                    tracker.text(step, T, Feed.SAMPLES, "text of " + step);
                    tracker.histogram(step, T, "metaapo/weight", new double[] {0.5});
                }
            }
            tracker.flush();
        }
        EventReader reader = EventReader.of(temp);
        assertThat(reader.starts).containsExactly(0L, 4L, 8L);
        assertThat(reader.steps("train/loss")).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L);
        assertThat(reader.scalars.get("eval/loss")).containsExactly(Map.entry(4L, 4.5f), Map.entry(8L, 8.5f), Map.entry(12L, 12.5f));
        assertThat(reader.histograms.get("metaapo/weight")).containsExactly(4L, 8L, 12L);
        assertThat(reader.texts.get(Feed.SAMPLES)).containsExactly(
                Map.entry(4L, "text of 4"), Map.entry(8L, "text of 8"), Map.entry(12L, "text of 12"));
        assertThat(reader.texts.keySet()).containsExactly("_hparams_/experiment", "_hparams_/session_start_info", Feed.SAMPLES);
    }

    @Test
    void aRunThatBeginsAnewForgetsWhatAnotherLeftAndOneThatIsTrackedLateHasAll() throws IOException {
        TensorBoardTracker before = new TensorBoardTracker(temp);
        before.start(run, -1);
        before.log(1, T, loss(9));
        before.end(Tracker.Status.STOPPED);
        TensorBoardTracker anew = new TensorBoardTracker(temp);
        anew.start(run, -1);
        anew.log(1, T, loss(1));
        anew.end(Tracker.Status.FINISHED);
        assertThat(EventFile.files(temp)).hasSize(1);
        assertThat(EventReader.of(temp).scalars.get("train/loss")).containsExactly(Map.entry(1L, 1f));
        assertThat(EventReader.of(temp).texts).containsKey("_hparams_/session_end_info");
        TensorBoardTracker late = new TensorBoardTracker(temp.resolve("late"));
        late.start(run, 50);
        assertThat(late.firstStep()).isZero();
    }

    @Test
    void numbersThatAreNotFiniteAndOddTagsAreKept() throws IOException {
        TensorBoardTracker tracker = new TensorBoardTracker(temp);
        tracker.start(run, -1);
        tracker.log(1L << 40, T, Map.of("train/a b/ü\"</script>漢", Double.NEGATIVE_INFINITY));
        tracker.log(3, T, loss(Double.NaN));
        tracker.histogram(3, T, "wide", new double[] {-3, 0.5, 40});
        tracker.end(Tracker.Status.FINISHED);
        EventReader reader = EventReader.of(temp);
        assertThat(reader.scalars.get("train/a b/ü\"</script>漢")).containsExactly(Map.entry(1L << 40, Float.NEGATIVE_INFINITY));
        assertThat(reader.scalars.get("train/loss")).containsExactly(Map.entry(3L, Float.NaN));
    }

    @Test
    void aFolderThatCannotBeMadeIsToldOf() throws IOException {
        Path file = Files.writeString(temp.resolve("taken"), "");
        assertThatThrownBy(() -> new TensorBoardTracker(file).start(run, -1)).isInstanceOf(FileAlreadyExistsException.class);
    }
}
