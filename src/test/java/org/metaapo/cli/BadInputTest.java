package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.files.RunLock;

/** Bad input meets one clear line and the right exit status, from the command to the engine. */
class BadInputTest extends CommandTest {
    private Path copy(String name) throws IOException {
        Path folder = Files.createDirectories(temp.resolve(name));
        try (var files = Files.list(Fixtures.path(name))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    /** Overwrites the first elements of an f32 tensor. */
    private static void poke(Path folder, String tensor, float... values) throws IOException {
        Path file = folder.resolve("model.safetensors");
        long offset;
        try (SafetensorsFile weights = SafetensorsFile.open(file)) {
            TensorInfo info = weights.tensors().get(tensor);
            offset = info.offset();
        }
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(bytes, offset);
        }
    }

    private String config(String... lines) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "out: " + temp.resolve("run"), "dtype: f32", "threads: 2",
                "data: {train: [" + fixture("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "train: {batch: 4}"));
        all.addAll(Arrays.asList(lines));
        return write("run.yaml", String.join("\n", all) + "\n").toString();
    }

    private String dpo() throws IOException {
        return config("recipe: dpo", "model: {path: " + fixture("tiny-llama") + "}");
    }

    @Test
    void aTokenizerThatDoesNotFitTheVocabulary() throws IOException {
        Path model = copy("tiny-qwen2");
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(Fixtures.path("tiny-llama").resolve(name), model.resolve(name), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        // Special tokens may lie beyond the vocabulary, others not.
        Path tokenizer = model.resolve("tokenizer.json");
        ObjectNode json = (ObjectNode) Json.read(tokenizer);
        ((ObjectNode) json.path("added_tokens").get(json.path("added_tokens").size() - 2)).put("special", false);
        Files.writeString(tokenizer, Json.write(json));
        assertFails(3, "the model's vocabulary 483 tokens", "train", config("recipe: dpo", "model: {path: " + model + "}"));
        assertFails(3, "vocabulary", "score", "--model", model.toString(), "--data", fixture("pairs.jsonl"));
    }

    @Test
    void nanInWeightsIsNamedWithItsTensor() throws IOException {
        Path model = copy("tiny-llama");
        poke(model, "model.layers.1.mlp.down_proj.weight", 1, Float.NaN);
        assertFails(3, "model.layers.1.mlp.down_proj.weight", "score", "--model", model.toString(), "--data", fixture("pairs.jsonl"));
        assertThat(err).contains("element 1").contains("NaN");
        assertFails(3, "down_proj", "train", config("recipe: dpo", "model: {path: " + model + "}"), "--quiet");
    }

    @Test
    void nanInTheLossNamesTheRows() throws IOException {
        Path model = copy("tiny-llama");
        float[] huge = new float[64];
        Arrays.fill(huge, 3e38f);
        poke(model, "lm_head.weight", huge);
        String yaml = config("recipe: sft", "model: {path: " + model + "}");
        assertFails(1, "pairs.jsonl:", "train", yaml, "--quiet");
        assertFails(1, "pairs.jsonl:", "train", yaml, "recipe=dpo", "--quiet");
        assertFails(1, "pairs.jsonl:", "score", "--model", model.toString(), "--data", fixture("pairs.jsonl"), "--quiet");
        assertThat(temp.resolve("run/model")).doesNotExist();
    }

    @Test
    void aRewardThatIsNotFiniteEndsTheRun() throws IOException {
        Path reward = copy("tiny-rm");
        float[] huge = new float[64];
        Arrays.fill(huge, 3e38f);
        poke(reward, "score.weight", Arrays.copyOf(huge, 8));
        String yaml = config("recipe: metaapo", "model: {path: " + fixture("tiny-llama") + "}", "reward: {path: " + reward + "}",
                "rollout: {k: 2, max_new_tokens: 4, decision: all}");
        assertFails(1, "tiny-rm: a reward is not finite", "train", yaml, "--quiet");
        assertFails(1, "tiny-rm: a reward is not finite", "reward", "--model", reward.toString(), "--data", fixture("pairs.jsonl"), "--quiet");
    }

    @Test
    void aReferenceWithAnotherVocabulary() throws IOException {
        assertFails(3, "a reference must share the tokenizer", "train", dpo(), "reference.path=" + fixture("tiny-qwen2"), "--quiet");
    }

    @Test
    void foldersThatCannotBeWritten() throws IOException {
        Path file = write("file", "");
        assertFails(2, "is a file; expected a folder as out", "train", dpo(), "out=" + file.resolve("run"), "--quiet");
        assertFails(1, "cannot be", "score", "--model", fixture("tiny-llama"), "--data", fixture("pairs.jsonl"), "--out",
                file.resolve("scores.jsonl").toString(), "--quiet");
    }

    @Test
    void aFolderInUseByAnotherRun() throws IOException {
        try (RunLock lock = RunLock.acquire(temp.resolve("run"))) {
            assertFails(1, "in use by another run", "train", dpo(), "--quiet");
        }
    }

    @Test
    void sigtermLeavesACheckpointAndTheSameCommandGoesOn() throws Exception {
        String yaml = dpo();
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "train", yaml, "train.epochs=400", "checkpoint.every=100000");
        Path log = temp.resolve("log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        Path metrics = temp.resolve("run/metrics.jsonl");
        while (process.isAlive() && !(Files.exists(metrics) && Files.readString(metrics).contains("\"step\":3"))) {
            Thread.sleep(20);
        }
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(5);
        assertThat(Files.readString(log)).contains("stopped after step", "goes on from here");
        assertThat(run("train", yaml, "train.epochs=400", "checkpoint.every=100000")).as(err).isZero();
        assertThat(err).contains("continuing at step");
        assertThat(Files.readAllLines(metrics).stream().filter(line -> line.contains("\"loss\"")).count()).isEqualTo(800);
    }
}
