package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;

/** A run takes a folder in which nothing but its own is replaced or deleted. */
class OutCheckTest {
    @TempDir
    Path temp;

    private Path out;

    @BeforeEach
    void name() {
        out = temp.resolve("run");
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }

    private RunConfig config(String... overrides) {
        List<String> all = new ArrayList<>(List.of(
                "recipe=dpo", "out=" + out, "dtype=f32", "threads=1", "device=cpu", "model.path=" + Fixtures.path("tiny-llama"),
                "data.train=[" + Fixtures.path("pairs.jsonl") + "]", "data.max_length=256", "train.batch=4"));
        all.addAll(Arrays.asList(overrides));
        return RunConfig.parse("", "test", all);
    }

    private Map<Path, String> content() throws IOException {
        Map<Path, String> content = new TreeMap<>();
        try (Stream<Path> files = Files.walk(temp)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                content.put(file, Arrays.hashCode(Files.readAllBytes(file)) + " " + Files.size(file));
            }
        }
        return content;
    }

    private void assertRefused(String words, String... overrides) throws IOException {
        Map<Path, String> before = content();
        assertThatThrownBy(() -> Recipes.run(config(overrides), RunListener.SILENT, new StopSignal())).isInstanceOf(UsageException.class)
                .hasMessageContaining(words).hasMessageNotContaining("\n");
        assertThatThrownBy(() -> Recipes.size(config(overrides), RunListener.SILENT)).isInstanceOf(UsageException.class);
        assertThat(content()).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource({"model.path, model", "reference.path, model", "reference.path, checkpoints/mine"})
    void modelsThatARunWouldReplace(String key, String place) throws IOException {
        copy(Fixtures.path("tiny-llama"), out.resolve(place));
        assertRefused("is read as " + key + ", and the run writes", key + "=" + out.resolve(place));
        Path link = Files.createSymbolicLink(temp.resolve("link"), out.resolve(place));
        assertRefused("is read as " + key, key + "=" + link);
    }

    @ParameterizedTest
    @ValueSource(strings = {"metrics.jsonl", "cache/lone.jsonl", "samples/a.jsonl"})
    void rowsThatARunWouldReplace(String place) throws IOException {
        Files.createDirectories(out.resolve(place).getParent());
        Files.copy(Fixtures.path("pairs.jsonl"), out.resolve(place));
        assertRefused("is read as data.train, and the run writes", "data.train=[" + out.resolve(place) + "]");
        assertRefused("is read as data.eval", "data.eval=[" + out.resolve(place) + "]");
        Path name = Files.createLink(temp.resolve("name.jsonl"), out.resolve(place));
        if (place.equals("metrics.jsonl")) {
            assertRefused("is read as data.train", "data.train=[" + name + "]");
        }
    }

    @Test
    void theModelsOwnFolder() throws IOException {
        copy(Fixtures.path("tiny-llama"), out);
        assertRefused("is read too, as model.path, and files of the run would be mixed into it", "model.path=" + out);
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.yaml", "report.html", "model/precious.txt", "checkpoints/mine/a", "metrics.jsonl", "adapter/a", "cache/a.txt"})
    void filesOfOthers(String file) throws IOException {
        Files.createDirectories(out.resolve(file).getParent());
        Files.writeString(out.resolve(file), "mine");
        assertRefused("which a run would replace or delete, and no fingerprint.json that says they are a run's; give another folder as out");
    }

    @Test
    void otherFilesMayLieThere() throws IOException {
        Files.createDirectories(out);
        Files.writeString(out.resolve("notes.txt"), "mine");
        Recipes.run(config(), RunListener.SILENT, new StopSignal());
        assertThat(out.resolve("notes.txt")).hasContent("mine");
        assertThat(out.resolve("model/model.safetensors")).exists();
        // Its own written configuration may be given again.
        Recipes.run(RunConfig.load(out.resolve("config.yaml"), List.of()), RunListener.SILENT, new StopSignal());
    }

    @Test
    void whatIsNoFolder() throws IOException {
        Files.writeString(out, "a file");
        assertRefused("run: is a file; expected a folder as out");
        assertRefused("is a file; expected a folder as out", "out=" + out.resolve("below"));
        assertRefused("/dev/null: is no folder", "out=/dev/null");
        assertRefused("nothing can be written in /proc", "out=/proc/x");
    }

    @Test
    void aRunWithoutAStepFailsAndWritesNoModel() {
        assertThatThrownBy(() -> Recipes.run(
                        config("recipe=metaapo", "reward.path=" + Fixtures.path("tiny-rm"), "rollout.unsampled=drop", "rollout.decision=threshold",
                                "rollout.threshold=0"),
                        RunListener.SILENT, new StopSignal()))
                .isInstanceOf(RunFailedException.class).hasMessageContaining("nothing was trained")
                .hasMessageContaining("no row has an online pair and rollout.unsampled is drop");
        assertThat(out.resolve("model")).doesNotExist();
    }

    @Test
    void foldersOfSeveralRunsAreTakenOnlyWithoutFilesOfOthers() throws IOException {
        List<Path> written = List.of(out.resolve("report.html"), out.resolve("data"));
        OutCheck.checkRunsFolder(out, written);
        Files.createDirectories(out);
        Files.writeString(out.resolve("notes.txt"), "mine");
        OutCheck.checkRunsFolder(out, written);
        Files.writeString(out.resolve("report.html"), "mine");
        assertThatThrownBy(() -> OutCheck.checkRunsFolder(out, written)).isInstanceOf(UsageException.class)
                .hasMessageContaining("has report.html, which would be replaced").hasMessageNotContaining("\n");
        Files.writeString(out.resolve(".lock"), "1");
        OutCheck.checkRunsFolder(out, written);
        Files.writeString(new RunFolder(out).fingerprint(), "{}");
        assertThatThrownBy(() -> OutCheck.checkRunsFolder(out, written)).isInstanceOf(UsageException.class)
                .hasMessageContaining("is the folder of one run");
    }
}
