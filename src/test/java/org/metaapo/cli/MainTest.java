package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.engine.Engine;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Commands as a user gives them: exit status, one clear line, machine-readable output. */
class MainTest extends CommandTest {
    @Test
    void wrongUsageIsTwo() throws IOException {
        assertThat(run()).isEqualTo(2);
        assertThat(err).contains("Usage: metaapo", "train", "keys");
        assertFails(2, "no command trian; did you mean train?", "trian");
        assertFails(2, "Missing required", "score");
        assertFails(2, "--k", "generate", "--model", fixture("tiny-llama"), "--data", fixture("pairs.jsonl"), "--k", "0");
        assertFails(2, "cuda:N", "info", "--device", "gpu");
        assertFails(2, "--meta-learner needs --reference",
                "score", "--model", fixture("tiny-llama"), "--meta-learner", "m.json", "--data", fixture("pairs.jsonl"));
        assertFails(2, "no dtype f16", "score", "--dtype", "f16", "--model", fixture("tiny-llama"), "--data", fixture("pairs.jsonl"));
        assertFails(2, "no such file", "train", temp.resolve("none.yaml").toString());
        Path yaml = write("a.yaml", "recipe: dpo\nout: x\nmodel: {path: m}\ndata: {train: [d]}\ntrain:\n  bach: 3\n");
        assertFails(2, "a.yaml:6: unknown key train.bach; did you mean train.batch?", "train", yaml.toString());
        Path reward = write("b.yaml", "out: x\nmodel: {path: m}\ndata: {train: [d]}\n");
        assertFails(2, "reward.path is not set", "train", reward.toString());
        assertFails(2, "train.batch is 0; expected 1", "train", reward.toString(), "train.batch=0");
    }

    @Test
    @DisplayName("LlamaFactory#2649: bad data is found before any weight is read")
    void badDataIsThreeAndIsFoundBeforeAnyWeightIsRead() throws IOException {
        String model = fixture("tiny-llama");
        assertFails(3, "no such file", "score", "--model", model, "--data", temp.resolve("none.jsonl").toString());
        Path broken = write("broken.jsonl", "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n{\"prompt\": \n");
        assertFails(3, "broken.jsonl, line 2", "score", "--model", model, "--data", broken.toString());
        Path noChosen = write("nochosen.jsonl", "{\"prompt\": \"a\", \"rejected\": \"c\"}\n");
        assertFails(3, "nochosen.jsonl:1: no chosen", "score", "--model", model, "--data", noChosen.toString());
        assertFails(3, "config.json is missing", "score", "--model", temp.toString(), "--data", fixture("pairs.jsonl"));
        assertFails(3, "LlamaForSequenceClassification", "generate", "--model", fixture("tiny-rm"), "--data", fixture("pairs.jsonl"));
        assertFails(3, "LlamaForCausalLM", "reward", "--model", model, "--data", fixture("pairs.jsonl"));
        assertFails(3, "no metrics.jsonl", "report", temp.toString());
        Path yaml = write("run.yaml", "recipe: dpo\nout: " + temp.resolve("run") + "\nmodel: {path: " + model + "}\ndata: {train: [" + noChosen + "]}\n");
        assertFails(3, "nochosen.jsonl:1", "train", yaml.toString());
        assertThat(temp.resolve("run")).doesNotExist();
    }

    @Test
    void aMissingDeviceIsFour() {
        assertFails(4, "--device cpu", "info", "--device", "cuda:9999");
    }

    @Test
    void scoreWritesALineARow() {
        Path file = temp.resolve("scores.jsonl");
        int status = run("score", "--model", fixture("tiny-llama"), "--reference", fixture("tiny-llama-ref"), "--data",
                fixture("pairs.jsonl"), "--dtype", "f32", "--out", file.toString(), "--quiet");
        assertThat(status).as(err).isZero();
        JsonNode golden = Json.read(Fixtures.path("tiny-llama.golden.json")).path("pairs");
        List<JsonNode> lines = lines(file);
        assertThat(lines).hasSize(golden.size());
        for (int i = 0; i < lines.size(); i++) {
            JsonNode line = lines.get(i);
            JsonNode pair = golden.get(i);
            close(line.path("chosen_logp").asDouble(), pair.path("chosen").path("logp_sum").asDouble());
            close(line.path("ref_rejected_logp").asDouble(), pair.path("rejected").path("ref_logp_sum").asDouble());
            assertThat(line.path("chosen_tokens").asInt()).isEqualTo(pair.path("chosen").path("logps").size());
            double delta = line.path("chosen_logp").asDouble() - line.path("ref_chosen_logp").asDouble()
                    - line.path("rejected_logp").asDouble() + line.path("ref_rejected_logp").asDouble();
            close(line.path("delta").asDouble(), delta);
            close(line.path("score").asDouble(), -Math.log1p(Math.exp(-delta)));
        }
    }

    private static void close(double found, double expected) {
        assertThat(found).isCloseTo(expected, org.assertj.core.api.Assertions.within(1e-3));
    }

    private static List<JsonNode> lines(Path file) {
        try {
            return Files.readAllLines(file).stream().map(line -> Json.parse(line, file.toString())).toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void generatedAnswersAreScoredByTheRewardModel() {
        Path answers = temp.resolve("answers.jsonl");
        assertThat(run("generate", "--model", fixture("tiny-llama"), "--data", fixture("pairs.jsonl"), "--k", "3",
                        "--max-new-tokens", "5", "--dtype", "f32", "--out", answers.toString(), "--quiet"))
                .as(err).isZero();
        JsonNode first = lines(answers).get(0);
        assertThat(first.path("responses").size()).isEqualTo(3);
        assertThat(first.path("finish").get(0).asText()).isIn("stop", "length");
        assertThat(first.path("prompt").get(0).path("role").asText()).isEqualTo("user");
        Path rewards = temp.resolve("rewards.jsonl");
        assertThat(run("reward", "--model", fixture("tiny-rm"), "--data", answers.toString(), "--out", rewards.toString(), "--quiet"))
                .as(err).isZero();
        assertThat(lines(rewards).get(7).path("scores").size()).isEqualTo(3);
        assertThat(run("reward", "--model", fixture("tiny-rm"), "--data", fixture("pairs.jsonl"), "--dtype", "f32", "--quiet")).isZero();
        JsonNode pair = Json.parse(out.lines().findFirst().orElseThrow(), "stdout");
        assertThat(pair.path("score_chosen").asDouble())
                .isCloseTo(Json.read(Fixtures.path("tiny-rm.golden.json")).get(0).path("score").asDouble(),
                        org.assertj.core.api.Assertions.within(1e-4));
    }

    @Test
    void planReadsNoWeights() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("m"));
        for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors")) {
            Files.copy(Fixtures.path("tiny-llama").resolve(name), folder.resolve(name));
        }
        Path yaml = write("plan.yaml", "recipe: dpo\nout: " + temp.resolve("r") + "\nmodel: {path: " + folder + "}\ndata: {train: ["
                + fixture("pairs.jsonl") + "], max_length: 512, max_prompt_length: 256}\ntrain: {batch: 4}\n");
        assertThat(run("plan", yaml.toString())).as(err).isZero();
        assertThat(out).contains("optimizer steps", "moments (f32)", "fits", "yes", "bf16 products", "GFLOP/s");
        assertThat(run("plan", yaml.toString(), "--device", "cuda:9999", "--dtype", "f32")).as(err).isZero();
        assertThat(out).contains("kernels and library", "unknown: no such device here", "train.recompute=true optimizer.offload=true");
        assertThat(err).contains("--device cpu");
        assertThat(temp.resolve("r")).doesNotExist();
    }

    @Test
    @DisplayName("--device, --dtype, --threads and --seed of a run are keys of its configuration, and win over the file")
    void commonOptionsOfARunAreKeys() throws IOException {
        Path folder = temp.resolve("run");
        Path yaml = write("run.yaml", "recipe: dpo\nout: " + folder + "\nseed: 1\ndtype: bf16\nmodel: {path: " + fixture("tiny-llama")
                + "}\ndata: {train: [" + fixture("pairs.jsonl") + "]}\ntrain: {batch: 8}\n");
        assertFails(2, "dtype is \"f16\"; expected", "train", yaml.toString(), "--dtype", "f16");
        assertFails(2, "seed", "plan", yaml.toString(), "--seed", "one");
        assertFails(4, "--device cpu", "train", yaml.toString(), "--device", "cuda:9999");
        assertThat(folder).doesNotExist();
        assertThat(run("train", "--seed", "7", yaml.toString(), "--dtype", "f32", "--device", "cpu", "--threads", "1", "train.epochs=1",
                "--quiet")).as(err).isZero();
        assertThat(folder.resolve("config.yaml")).content().contains("seed: 7", "dtype: \"f32\"", "device: \"cpu\"", "threads: 1");
    }

    @Test
    void infoAndHelp() {
        assertThat(run("info")).isZero();
        assertThat(out).contains("oneDNN", "threads").containsPattern("bf16 products +(in hardware|widened to f32|by tile)")
                .containsPattern("training speed +[0-9,]+ GFLOP/s in f32, [0-9,]+ in bf16");
        assertThat(run("--help")).isZero();
        assertThat(out).contains("demo", "train", "score", "Exit status");
        assertThat(run("train", "--help")).isZero();
        assertThat(out).contains("CONFIG.yaml");
        String help = out;
        assertThat(run("help", "train")).isZero();
        assertThat(out).isEqualTo(help);
        assertThat(run("help")).isZero();
        assertThat(out).contains("Usage: metaapo", "Exit status");
        assertFails(2, "no command scoer; did you mean score?", "help", "scoer");
        for (String[] command : new String[][] {{"version"}, {"--version"}, {"-V"}, {"score", "--version"}}) {
            assertThat(run(command)).isZero();
            assertThat(out).isEqualTo("metaapo " + Engine.version() + "\n");
        }
    }

    @Test
    void theKeysOfTheConfiguration() throws IOException {
        assertThat(run("keys")).isZero();
        for (ConfigKey key : ConfigKeys.all()) {
            assertThat(out).contains(key.name() + "\n");
        }
        assertThat(out.lines().mapToInt(String::length).max().orElseThrow()).isLessThanOrEqualTo(80);
        assertThat(run("keys", "checkpoint", "seed")).isZero();
        assertThat(out.lines().filter(line -> !line.startsWith(" "))).containsExactly("checkpoint.every", "checkpoint.keep", "seed");
        assertThat(out).contains("integer (default: 50)", "optimizer steps between checkpoints");
        assertFails(2, "no key or group lr; did you mean optimizer.learning_rate?", "keys", "lr");
        assertThat(run("keys", "--markdown")).isZero();
        assertThat(Files.readString(Path.of("README.md"))).contains(out);
    }

    @Test
    void wordsThatAreNoOptions() {
        String data = fixture("pairs.jsonl");
        assertFails(2, "unknown option --learning_rate; keys of the configuration are given as key=value; did you mean optimizer.learning_rate?",
                "train", "run.yaml", "--learning_rate=1e-6");
        assertFails(2, "train.micro_tokens", "plan", "run.yaml", "--gradient-accumulation-steps", "4");
        assertFails(2, "unknown option --output; did you mean --out?", "score", "--model", "m", "--data", data, "--output=o");
        assertFails(2, "did you mean --max-new-tokens?", "generate", "--model", "m", "--data", data, "--max_new_tokens=3");
        assertFails(2, "did you mean --max-new-tokens?", "generate", "--model", "m", "--data", data, "--max_tokens=3");
        assertFails(2, "did you mean --k?", "generate", "--model", "m", "--data", data, "--num_return_sequences=3");
        assertFails(2, "did you mean --model?", "score", "--model", "m", "--data", data, "--modle=3");
        assertFails(2, "expected one of", "score", "--model", "m", "--data", data, "--batch-size=3");
        assertFails(2, "unexpected foo; info takes no more words", "info", "foo");
        assertFails(2, "is empty; expected a path", "score", "--model", "m", "--data", data, "--out=");
        assertFails(3, "@pairs.jsonl: no such file", "score", "--model", "m", "--data", "@pairs.jsonl");
        assertFails(2, "standard input (-) is given 2 times", "score", "--model", "m", "--data", "-", "-");
        assertFails(2, "demo makes a folder", "demo", "--out", "-");
    }
}
