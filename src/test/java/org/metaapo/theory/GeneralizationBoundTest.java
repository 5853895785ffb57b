package org.metaapo.theory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.meta.MetaLearner;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;

/** Theorem 1's quantities against cases that can be worked out by hand. */
class GeneralizationBoundTest {
    private static final double[] START = MetaLearner.referenceStart(new MetaShape(2, 1, 4));

    @TempDir
    Path temp;

    private static List<double[]> rows(int n, long seed) {
        Random random = new Random(seed);
        List<double[]> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            rows.add(new double[] {-3 * random.nextDouble(), random.nextDouble(), random.nextDouble()});
        }
        return rows;
    }

    private static GeneralizationBound bound(List<double[]> rows, double radius, int draws) {
        return new GeneralizationBound(
                new MetaBuffer(rows, 1), START, START, 1, new GeneralizationBound.Settings(0.05, draws, radius, 1));
    }

    @Test
    void theAscentFindsALinearFunctionsMaximumOverTheBall() {
        double[] slope = {3, -4};
        ParameterBall ball = new ParameterBall(new double[] {1, 2}, 2);
        ParameterBall.Best best = ball.maximise(
                p -> new PreferenceLoss.MetaGradient(3 * p[0] - 4 * p[1], slope.clone(), 0), new double[] {1, 2});
        assertThat(best.value()).isCloseTo(3 - 8 + 2 * 5, within(1e-9));
        assertThat(best.parameters()[0]).isCloseTo(1 + 2 * 3 / 5.0, within(1e-9));
    }

    @Test
    void aClassOfOneLearnerHasNoComplexityAndALargerClassHasMore() {
        List<double[]> rows = rows(256, 3);
        GeneralizationBound.Point one = bound(rows, 1e-9, 100).at(64, () -> { });
        GeneralizationBound.Point small = bound(rows, 0.5, 100).at(64, () -> { });
        GeneralizationBound.Point large = bound(rows, 4, 100).at(64, () -> { });
        // The mean of 100 sums of 64 signs times losses below 1.
        assertThat(one.rademacher()).isCloseTo(0, within(4 * 1 / Math.sqrt(64 * 100)));
        assertThat(small.rademacher()).isGreaterThan(one.rademacher());
        assertThat(large.rademacher()).isGreaterThan(small.rademacher());
    }

    @Test
    void equalLossesOfBothPairsLeaveNothingToLearn() {
        List<double[]> rows = rows(128, 5);
        rows.forEach(row -> row[2] = row[1]);
        GeneralizationBound.Point found = bound(rows, 3, 20).at(32, () -> { });
        GeneralizationBound.Point fixed = bound(rows, 1e-9, 20).at(32, () -> { });
        assertThat(found.rademacher()).isCloseTo(fixed.rademacher(), within(1e-12));
        assertThat(found.risk()).isCloseTo(fixed.risk(), within(1e-12));
    }

    @Test
    void theBoundIsTheTheoremsAndShrinksWithTheBuffer() {
        List<double[]> rows = rows(512, 7);
        GeneralizationBound bound = bound(rows, 1, 30);
        assertThat(bound.sizes(1000)).containsExactly(16, 32, 64, 128, 256);
        GeneralizationBound.Point few = bound.at(16, () -> { });
        GeneralizationBound.Point many = bound.at(256, () -> { });
        for (GeneralizationBound.Point p : List.of(few, many)) {
            assertThat(p.bound()).isCloseTo(4 * p.rademacher() + p.largestLoss() * Math.sqrt(2 * Math.log(20) / p.m()), within(1e-12));
            assertThat(p.gap()).isLessThan(p.bound());
        }
        assertThat(many.bound()).isLessThan(few.bound());
    }

    private RunFolder runFolder(List<double[]> rows) throws IOException {
        RunFolder folder = new RunFolder(temp);
        double[] end = START.clone();
        end[0] += 0.5;
        Files.writeString(folder.metrics(), "{\"kind\":\"start\",\"meta_parameters\":" + Arrays.toString(START) + "}\n");
        Files.writeString(folder.metaLearner(),
                "{\"score_scale\":1.0,\"features\":[\"score\"],\"parameters\":" + Arrays.toString(end) + "}");
        Files.writeString(folder.metaBuffer(), "{\"step\":8,\"rows\":" + Json.mapper().writeValueAsString(rows) + "}\n");
        return folder;
    }

    @Test
    void aRunGivesATableAndAFileForTheReport() throws IOException {
        RunFolder folder = runFolder(rows(100, 9));
        String table = BoundJob.run(folder, 0.05, 10, 0, 512, 1, RunListener.SILENT);
        JsonNode json = Json.read(folder.bound());
        assertThat(json.path("radius").asDouble()).isCloseTo(0.5, within(1e-12));
        assertThat(json.path("held_out").asInt()).isEqualTo(50);
        assertThat(json.path("points").findValuesAsText("m")).containsExactly("16", "32", "50");
        assertThat(table.lines().filter(line -> line.contains("±"))).hasSize(3);
        assertThat(BoundJob.run(folder, 0.05, 10, 0, 512, 1, RunListener.SILENT)).isEqualTo(table);
    }

    @Test
    void aFolderWithoutAMetaLearnerOrWithTooFewRowsIsRefused() throws IOException {
        assertThatThrownBy(() -> BoundJob.run(new RunFolder(temp.resolve("none")), 0.05, 10, 0, 512, 1, RunListener.SILENT))
                .isInstanceOf(DataException.class).hasMessageContaining("no meta-learner.json");
        RunFolder folder = runFolder(rows(20, 9));
        String learner = Files.readString(folder.metaLearner());
        Files.writeString(folder.metaLearner(), learner.replace("{", "{\"layers\":3,"));
        assertThatThrownBy(() -> BoundJob.run(folder, 0.05, 10, 0, 512, 1, RunListener.SILENT))
                .isInstanceOf(DataException.class).hasMessageContaining("meta.layers 3; expected one with 2");
        Files.writeString(folder.metaLearner(), learner);
        assertThatThrownBy(() -> BoundJob.run(folder, 0.05, 10, 0, 512, 1, RunListener.SILENT))
                .isInstanceOf(DataException.class).hasMessageContaining("20 rows with both pairs; expected at least 64");
    }
}
