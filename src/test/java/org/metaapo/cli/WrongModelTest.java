package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;

/** What is given as a model and is none, or another than is asked for: told alike by every command and key, before any work. */
class WrongModelTest extends CommandTest {
    private static final String POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 988097824\n";

    private Path copy(String name, String without) throws IOException {
        Path folder = Files.createTempDirectory(temp, name);
        try (var files = Files.list(Fixtures.path(name))) {
            for (Path file : files.filter(file -> !file.endsWith(without)).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    private String config(Map<String, Object> keys) throws IOException {
        List<String> lines = new ArrayList<>(List.of(
                "recipe: metaapo", "out: " + temp.resolve("run"), "rollout: {max_new_tokens: 4}", "data: {train: " + fixture("pairs.jsonl") + "}"));
        keys.forEach((key, path) -> lines.add(key.replace(".path", "") + ": {path: \"" + path + "\"}"));
        return write("run.yaml", String.join("\n", lines) + "\n").toString();
    }

    /** Each way to give a policy, a reference and a reward model. */
    private void refusedEverywhere(Object path, String words) throws IOException {
        refusedAsPolicy(path, words);
        refusedAsReward(path, words);
    }

    private void refusedAsPolicy(Object path, String words) throws IOException {
        String good = fixture("tiny-llama");
        for (String command : List.of("train", "plan")) {
            assertFails(3, words, command, config(Map.of("model.path", path, "reward.path", fixture("tiny-rm"))));
            assertFails(3, words, command, config(Map.of("model.path", good, "reference.path", path, "reward.path", fixture("tiny-rm"))));
        }
        assertFails(3, words, "score", "--model", path.toString(), "--data", fixture("pairs.jsonl"));
        assertFails(3, words, "score", "--model", good, "--reference", path.toString(), "--data", fixture("pairs.jsonl"), "--quiet");
        assertFails(3, words, "generate", "--model", path.toString(), "--data", fixture("pairs.jsonl"));
    }

    private void refusedAsReward(Object path, String words) throws IOException {
        for (String command : List.of("train", "plan")) {
            assertFails(3, words, command, config(Map.of("model.path", fixture("tiny-llama"), "reward.path", path)));
        }
        assertFails(3, words, "reward", "--model", path.toString(), "--data", fixture("pairs.jsonl"));
        assertFails(3, words, "reward", "--reward", "path=" + path, "--data", fixture("pairs.jsonl"));
    }

    @Test
    void aRewardModelIsNoPolicyAndAPolicyNoRewardModel() throws IOException {
        refusedAsPolicy(fixture("tiny-rm"), "is LlamaForSequenceClassification, a reward model; expected a language model");
        refusedAsReward(fixture("tiny-llama"), "is LlamaForCausalLM, a language model; expected a reward model");
    }

    @Test
    void aNameOfTheHubAndAddresses() throws IOException {
        refusedEverywhere("Qwen/Qwen2.5-7B-Instruct", "hf download Qwen/Qwen2.5-7B-Instruct --local-dir Qwen2.5-7B-Instruct");
        refusedAsReward("https://huggingface.co/Qwen/Qwen2.5-7B-Instruct/tree/main", "hf download Qwen/Qwen2.5-7B-Instruct --local-dir");
    }

    @Test
    void anAdapterEvenBesideWeights() throws IOException {
        Path adapter = Files.createDirectory(temp.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"x\"}");
        refusedEverywhere(adapter, "an adapter of PEFT (LoRA), expected a whole model; give its base here, and the adapter as --adapter");
        Path both = copy("tiny-llama", "");
        Files.writeString(both.resolve("adapter_config.json"), "{}");
        refusedAsPolicy(both, "delete the file if the weights here are merged already");
    }

    @Test
    void gitLfsPointers() throws IOException {
        for (String name : List.of("model.safetensors", "tokenizer.json", "config.json")) {
            Path model = copy("tiny-llama", name);
            Files.writeString(model.resolve(name), POINTER);
            assertFails(3, name + ": a Git LFS pointer in place of the file itself, which has 988097824 bytes; fetch it with git lfs pull",
                    "score", "--model", model.toString(), "--data", fixture("pairs.jsonl"));
            Path reward = copy("tiny-rm", name);
            Files.writeString(reward.resolve(name), POINTER);
            refusedAsReward(reward, name + ": a Git LFS pointer");
        }
    }

    @Test
    void weightsInOtherFormats() throws IOException {
        Map<String, String> words = Map.of(
                "pytorch_model.bin", "PyTorch's pickled weights; write safetensors with transformers",
                "model-q4.gguf", "llama.cpp's GGUF weights",
                "model.pt", "PyTorch's pickled weights",
                "flax_model.msgpack", "weights of another framework",
                "consolidated.safetensors", "Mistral's own layout",
                "model-00001-of-00002.safetensors", "shards without their index",
                "model.fp16.safetensors", "a variant of the weights");
        for (Map.Entry<String, String> format : words.entrySet()) {
            Path model = copy("tiny-llama", "model.safetensors");
            Files.writeString(model.resolve("training_args.bin"), "x");
            Files.writeString(model.resolve(format.getKey()), "x");
            assertFails(3, "neither model.safetensors nor model.safetensors.index.json is there: found " + format.getKey() + ", " + format.getValue(),
                    "score", "--model", model.toString(), "--data", fixture("pairs.jsonl"));
        }
        Path file = Files.writeString(Files.createDirectory(temp.resolve("quantised")).resolve("model.gguf"), "GGUF");
        refusedEverywhere(file, "expected a Hugging Face model folder, found a file there: model.gguf, llama.cpp's GGUF weights");
        refusedAsReward(fixture("tiny-rm/model.safetensors"), "found a file there; give the folder that it lies in");
        assertFails(3, "config.json is missing: expected a Hugging Face model folder, found model.gguf",
                "score", "--model", file.getParent().toString(), "--data", fixture("pairs.jsonl"));
    }

    @Test
    void aFolderThatHoldsAModelFolder() throws IOException {
        Path run = Files.createDirectories(temp.resolve("runs/first"));
        Path model = run.resolve("model");
        Files.move(copy("tiny-llama", ""), model);
        refusedEverywhere(run, "config.json is missing: expected a Hugging Face model folder, as " + model + " is one");
    }

    @Test
    void tokenizersInOtherFiles() throws IOException {
        for (String name : List.of("tokenizer.model", "vocab.json", "tekken.json")) {
            Path model = copy("tiny-llama", "tokenizer.json");
            Files.writeString(model.resolve(name), "{}");
            refusedAsTokenizer(model, "tokenizer.json: not found, but " + name);
            assertThat(err).contains("AutoTokenizer.from_pretrained(\"" + model + "\").save_pretrained(");
        }
        refusedAsTokenizer(copy("tiny-llama", "tokenizer.json"), "tokenizer.json: not found; a model folder needs its tokenizer");
    }

    private void refusedAsTokenizer(Path model, String words) throws IOException {
        assertFails(3, words, "train", config(Map.of("model.path", model, "reward.path", fixture("tiny-rm"))));
        for (String command : List.of("score", "generate", "inspect")) {
            assertFails(3, words, command, "--model", model.toString(), "--data", fixture("pairs.jsonl"));
        }
    }
}
