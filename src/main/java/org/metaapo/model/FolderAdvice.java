package org.metaapo.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.HubName;

/** What lies at a path that should be a model folder and is none, and what to do about it. */
final class FolderAdvice {
    private static final int DEPTH = 3;

    /** Weights in other formats, by the names of their files: what they are, and what to do. */
    private static final Map<Pattern, String> FORMATS = Map.of(
            Pattern.compile(".*\\.(bin|pt|pth|ckpt)"), "PyTorch's pickled weights; write safetensors with transformers: "
                    + "AutoModelForCausalLM.from_pretrained(\"%1$s\").save_pretrained(\"%1$s\"), for a reward model AutoModelForSequenceClassification",
            Pattern.compile(".*\\.(gguf|ggml)"), "llama.cpp's GGUF weights, mostly quantised; take the model's own folder, from which they were made",
            Pattern.compile(".*\\.(h5|msgpack|onnx|npz|mlmodel)"), "weights of another framework; take the model's safetensors",
            Pattern.compile("consolidated.*\\.safetensors"), "Mistral's own layout; take the Hugging Face one, model.safetensors or its shards",
            Pattern.compile("model-\\d+-of-\\d+\\.safetensors"), "shards without their index model.safetensors.index.json; download that too",
            Pattern.compile("model\\.\\w+\\.safetensors"), "a variant of the weights; rename it to model.safetensors if it is the one that is meant");

    private FolderAdvice() {}

    /** Of a path that is no folder. */
    static DataException noFolder(Path path) {
        String found = "nothing there" + HubName.advice(path, "model");
        if (Files.exists(path)) {
            String format = format(path.toAbsolutePath().getParent(), List.of(path.getFileName().toString()));
            found = "a file there" + (format != null ? ": " + format : "; give the folder that it lies in");
        }
        return new DataException(path + ": expected a Hugging Face model folder, found " + found);
    }

    /** Throws if an adapter lies in a folder: transformers would apply it to whatever it was trained on. */
    static void refuseAdapter(Path folder) {
        if (Files.exists(folder.resolve("adapter_config.json"))) {
            boolean whole = Files.exists(folder.resolve("config.json"));
            throw new DataException(folder + ": adapter_config.json says that this is an adapter of PEFT (LoRA), expected a whole model; give its base here, "
                    + "and the adapter as --adapter, adapter.path or reward.adapter, or merge the two: metaapo merge --model BASE --adapter " + folder
                    + " --out merged" + (whole ? "; delete the file if the weights here are merged already" : ""));
        }
    }

    /** Of a folder without config.json. */
    static DataException noConfig(Path folder) {
        String start = folder + ": config.json is missing: expected a Hugging Face model folder";
        List<Path> models = models(folder);
        if (!models.isEmpty()) {
            return new DataException(start + ", as " + models.stream().limit(3).map(Path::toString).collect(Collectors.joining(", ")) + " is one");
        }
        String format = format(folder, names(folder));
        return new DataException(start + (format == null ? "" : ", found " + format));
    }

    /** Of a folder without weights that are read. */
    static DataException noWeights(Path folder) {
        String format = format(folder, names(folder));
        return new DataException(folder + ": neither model.safetensors nor model.safetensors.index.json is there: "
                + (format == null ? "save the model with safetensors" : "found " + format));
    }

    /** The first file of another format; null where there is none. */
    private static String format(Path folder, List<String> names) {
        for (String name : names) {
            for (Map.Entry<Pattern, String> format : FORMATS.entrySet()) {
                if (format.getKey().matcher(name).matches()) {
                    return name + ", " + String.format(format.getValue(), folder);
                }
            }
        }
        return null;
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).map(file -> file.getFileName().toString())
                    .filter(name -> !name.matches("(training_args|optimizer|scheduler|rng_state.*)\\.(bin|pt|pth)")).sorted().toList();
        } catch (IOException e) {
            throw FileFailures.reading(folder, e);
        }
    }

    /** Folders below that have a config.json: a run's result, a snapshot in the Hub's cache, a trainer's checkpoint. */
    private static List<Path> models(Path folder) {
        try (Stream<Path> files = Files.walk(folder, DEPTH)) {
            return files.filter(file -> file.endsWith("config.json")).map(Path::getParent).sorted().toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }
}
