package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** A folder that holds a run, finished or stopped, takes that run alone; what differs is named with both values. */
class GivenAgainTest {
    @TempDir
    Path temp;

    private Path model;
    private Path data;

    @BeforeEach
    void copyInputs() throws IOException {
        model = Files.createDirectories(temp.resolve("policy"));
        try (var files = Files.list(Fixtures.path("tiny-llama"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        data = temp.resolve("pairs.jsonl");
        Files.copy(Fixtures.path("pairs.jsonl"), data);
    }

    private RunConfig config(String... overrides) {
        return RunConfig.parse(String.join("\n",
                "recipe: dpo", "out: " + temp.resolve("run"), "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + model + "}", "data: {train: [" + data + "], max_length: 256, max_prompt_length: 128}",
                "train: {epochs: 1, batch: 4}"), "test", List.of(overrides));
    }

    private void run(String... overrides) {
        Recipes.run(config(overrides), RunListener.SILENT, new StopSignal());
    }

    private void stopAfterAStep() {
        StopSignal stop = new StopSignal();
        assertThatThrownBy(() -> Recipes.run(config(), new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (!line.has("kind")) {
                    stop.request();
                }
            }
        }, stop)).isInstanceOf(InterruptedRunException.class);
    }

    private void begin(boolean finished) {
        if (finished) {
            run();
        } else {
            stopAfterAStep();
        }
    }

    private org.assertj.core.api.AbstractThrowableAssert<?, ?> assertRefused(String... overrides) {
        return assertThatThrownBy(() -> run(overrides)).isInstanceOf(UsageException.class)
                .hasMessageStartingWith(temp.resolve("run") + ": holds a ")
                .hasMessageContaining("Give another out, or delete the folder")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aRunFromBeforeAKeyWasThereGoesOnWhereTheKeyHasNoValue() throws IOException {
        stopAfterAStep();
        Path file = temp.resolve("run/fingerprint.json");
        ObjectNode fingerprint = (ObjectNode) Json.read(file);
        ObjectNode keys = (ObjectNode) fingerprint.path("keys");
        assertThat(keys.remove(List.of("meta.start_weight", "data.min_score", "data.eval")).size()).isPositive();
        Files.writeString(file, Json.writePretty(fingerprint));
        run();
        keys.remove("train.batch");
        Files.writeString(file, Json.writePretty(fingerprint));
        assertRefused("data.min_score=0.5").hasMessageContaining("train.batch: was not set, is 4")
                .hasMessageContaining("data.min_score: was not set, is 0.5").hasMessageNotContaining("data.eval").hasMessageNotContaining("start_weight");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void eachKeyThatDiffersIsNamedWithBothValues(boolean finished) throws IOException {
        begin(finished);
        byte[] before = finished ? Files.readAllBytes(temp.resolve("run/model/model.safetensors")) : new byte[0];
        assertRefused("optimizer.learning_rate=1e-3", "train.epochs=2", "optimizer.schedule=linear", "optimizer.betas=[0.9, 0.99]")
                .hasMessageContaining(finished ? "a finished run with another configuration" : "a run that goes on with another configuration")
                .hasMessageContaining("optimizer.learning_rate: was 5.0E-7, is 0.001")
                .hasMessageContaining("train.epochs: was 1, is 2")
                .hasMessageContaining("optimizer.schedule: was \"cosine\", is \"linear\"")
                .hasMessageContaining("optimizer.betas: was [0.9, 0.95], is [0.9, 0.99]");
        Path other = Files.copy(data, temp.resolve("copy.jsonl"));
        assertRefused("data.train=[" + other + "]").hasMessageContaining("data.train: was [\"" + data.toRealPath() + "\"], is [\"" + other.toRealPath() + "\"]");
        assertRefused("reference.path=" + Fixtures.path("tiny-llama-ref")).hasMessageContaining("reference.path: was not set, is ");
        // The keys are looked at before anything that they name.
        assertRefused("data.train=[" + temp.resolve("missing.jsonl") + "]").hasMessageContaining("data.train: was ");
        if (finished) {
            assertThat(temp.resolve("run/model/model.safetensors")).hasBinaryContent(before);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void otherRowsAndOtherWeightsAreNamed(boolean finished) throws IOException {
        begin(finished);
        List<String> rows = new ArrayList<>(Files.readAllLines(data));
        String last = rows.remove(rows.size() - 1);
        Files.write(data, rows);
        assertRefused().hasMessageMatching("(?s).*the rows of data.train: was [0-9a-f]{12}…, is [0-9a-f]{12}….*");
        rows.add(last);
        Files.write(data, rows);
        Path weights = model.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 3] ^= 1;
        Files.write(weights, bytes);
        assertRefused().hasMessageMatching("(?s).*the weights of model.path: was [0-9a-f]{12}…, is [0-9a-f]{12}….*");
        bytes[bytes.length - 3] ^= 1;
        Files.write(weights, bytes);
        run();
        assertThat(temp.resolve("run/model/model.safetensors")).exists();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatDecidesNothingMayDiffer(boolean finished) {
        begin(finished);
        List<String> notes = new ArrayList<>();
        Recipes.run(config("threads=2", "device=auto", "checkpoint.keep=5", "checkpoint.every=7", "data.cache=off", "train.micro_tokens=400",
                "train.recompute=true", "rollout.sequences=3", "optimizer.offload=true"), new RunListener() {
                    @Override
                    public void note(String line) {
                        notes.add(line);
                    }
                }, new StopSignal());
        assertThat(notes).anyMatch(note -> note.contains(finished ? "is finished; delete it, or give another out" : "continuing at step 1"));
    }

    @Test
    void pathsToTheSameFilesAreEqual() throws IOException {
        run();
        Path link = Files.createSymbolicLink(temp.resolve("link"), model);
        Path folder = Files.createSymbolicLink(temp.resolve("data"), temp);
        Path here = Path.of("").toAbsolutePath();
        for (String same : List.of(
                "model.path=" + link, "model.path=" + model.resolve("../policy/."), "model.path=" + here.relativize(model),
                "data.train=[" + folder.resolve("pairs.jsonl") + "]", "data.train=" + here.relativize(data))) {
            run(same);
        }
        // The folder moves, and a link leads from its old place to the new one.
        Path moved = temp.resolve("moved");
        Files.move(model, moved);
        Files.createSymbolicLink(model, moved);
        run();
        run("model.path=" + moved);
        assertRefused("model.path=" + Fixtures.path("tiny-llama")).hasMessageContaining("model.path: was ");
    }

    @Test
    void aRunThatDoesNotSayWithWhatItWasBegunIsNotTakenForThisOne() throws IOException {
        run();
        Path file = temp.resolve("run/fingerprint.json");
        Files.writeString(file, "{");
        assertThatThrownBy(this::run).isInstanceOf(UsageException.class).hasMessageContaining("fingerprint.json").hasMessageContaining("is damaged");
        Files.delete(file);
        assertThatThrownBy(this::run).isInstanceOf(UsageException.class).hasMessageContaining("fingerprint.json").hasMessageContaining("is missing");
    }

    @Test
    void aFolderWithoutACheckpointIsBegunAnew() throws IOException {
        stopAfterAStep();
        org.metaapo.files.AtomicFiles.deleteTree(temp.resolve("run/checkpoints"));
        run("train.epochs=2");
        assertThat(Files.readString(temp.resolve("run/fingerprint.json"))).contains("\"train.epochs\" : \"2\"");
        run("train.epochs=2");
    }
}
