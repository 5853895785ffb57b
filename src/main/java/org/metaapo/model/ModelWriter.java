package org.metaapo.model;

import java.util.Locale;
import org.metaapo.engine.Head;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.TensorSource;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;

/**
 * Writes Hugging Face model folders that transformers loads. The folder appears at once and whole (see
 * {@link AtomicFiles#folder}); one that is already there is replaced.
 */
public final class ModelWriter {
    /** Largest shard in bytes of tensor data, transformers' own default; a single larger tensor has a shard to itself. */
    public static final long SHARD_BYTES = 5_000_000_000L;

    private static final Map<String, String> METADATA = Map.of("format", "pt");

    /** Files of the tokenizer and its template, copied as they are. */
    public static final List<String> TOKENIZER_FILES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            "chat_template.jinja",
            "chat_template.json");

    private static final String MORE_TEMPLATES = "additional_chat_templates";

    private ModelWriter() {}

    /**
     * Writes a model that came from {@code source}: its {@code config.json} is kept, but for the dtype and, where
     * {@code config} has another head, architecture and labels. Tokenizer files and template are copied, and
     * {@code generation_config.json} for a language model.
     *
     * @param config the source's configuration, possibly {@link ModelConfig#withHead with another head}
     * @param tokenizerFolder where tokenizer files and template are copied from
     * @param dtype element type of all tensors: F32, F16 or BF16
     * @param tensors gives the data of {@link ModelConfig#expectedTensors()}
     * @throws org.metaapo.error.RunFailedException if writing fails
     */
    public static void write(
            Path target, ModelFolder source, ModelConfig config, Path tokenizerFolder, Dtype dtype, TensorSource tensors) {
        write(target, source, config, tokenizerFolder, dtype, tensors, SHARD_BYTES);
    }

    static void write(
            Path target, ModelFolder source, ModelConfig config, Path tokenizerFolder, Dtype dtype, TensorSource tensors, long shardBytes) {
        if (!config.withHead(source.config().head()).equals(source.config())) {
            throw new IllegalArgumentException("the configuration differs from the source's in more than the head");
        }
        ObjectNode json = (ObjectNode) source.configJson();
        ConfigWriter.update(json, source.config(), config, dtype);
        writeFolder(target, json, config, dtype, tensors, shardBytes, folder -> {
            copyTokenizer(tokenizerFolder, folder);
            if (config.head() == Head.LM) {
                copyIfThere(source.path(), folder, "generation_config.json");
            }
        });
    }

    /**
     * Writes a model that has no source folder, with a {@code config.json} that transformers 4 and 5 read.
     *
     * @param tokenizerFolder where tokenizer files and template are copied from
     * @param dtype element type of all tensors: F32, F16 or BF16
     * @param tensors gives the data of {@link ModelConfig#expectedTensors()}
     * @throws org.metaapo.error.RunFailedException if writing fails
     */
    public static void create(
            Path target, ModelConfig config, Path tokenizerFolder, Dtype dtype, TensorSource tensors) {
        ObjectNode json = ConfigWriter.create(config, dtype);
        writeFolder(target, json, config, dtype, tensors, SHARD_BYTES, folder -> {
            copyTokenizer(tokenizerFolder, folder);
            if (config.head() == Head.LM) {
                Files.writeString(
                        folder.resolve("generation_config.json"), Json.writePretty(ConfigWriter.generation(config)));
            }
        });
    }

    private static void writeFolder(
            Path target,
            JsonNode configJson,
            ModelConfig config,
            Dtype dtype,
            TensorSource tensors,
            long shardBytes,
            AtomicFiles.FolderBody companions) {
        if (dtype != Dtype.F32 && dtype != Dtype.F16 && dtype != Dtype.BF16) {
            throw new IllegalArgumentException("a model is written in F32, F16 or BF16, not in " + dtype);
        }
        AtomicFiles.folder(target, folder -> {
            Files.writeString(folder.resolve("config.json"), Json.writePretty(configJson));
            companions.fill(folder);
            writeWeights(folder, config, dtype, tensors, shardBytes);
        });
    }

    private static void writeWeights(
            Path folder, ModelConfig config, Dtype dtype, TensorSource tensors, long shardBytes) throws IOException {
        List<List<TensorSpec>> shards = split(config, dtype, shardBytes);
        if (shards.size() == 1) {
            SafetensorsWriter.write(folder.resolve("model.safetensors"), shards.get(0), METADATA, tensors);
            return;
        }
        ObjectNode index = Json.mapper().createObjectNode();
        index.putObject("metadata")
                .put("total_parameters", config.parameters())
                .put("total_size", config.parameters() * dtype.bytes());
        ObjectNode weightMap = index.putObject("weight_map");
        for (int i = 0; i < shards.size(); i++) {
            String name = String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
            SafetensorsWriter.write(folder.resolve(name), shards.get(i), METADATA, tensors);
            shards.get(i).forEach(tensor -> weightMap.put(tensor.name(), name));
        }
        Files.writeString(folder.resolve("model.safetensors.index.json"), Json.writePretty(index));
    }

    /** Reads what writing a model reads, in the same order. */
    static void readAlong(ModelConfig config, Dtype dtype, TensorSource tensors) {
        split(config, dtype, SHARD_BYTES).forEach(shard -> SafetensorsWriter.readAlong(shard, tensors));
    }

    private static List<List<TensorSpec>> split(ModelConfig config, Dtype dtype, long shardBytes) {
        List<List<TensorSpec>> shards = new ArrayList<>();
        long filled = 0;
        for (Map.Entry<String, long[]> entry : config.expectedTensors().entrySet()) {
            TensorSpec tensor = new TensorSpec(entry.getKey(), dtype, entry.getValue());
            if (shards.isEmpty() || filled + tensor.bytes() > shardBytes) {
                shards.add(new ArrayList<>());
                filled = 0;
            }
            shards.get(shards.size() - 1).add(tensor);
            filled += tensor.bytes();
        }
        return shards;
    }

    /** Copies tokenizer files and templates, as far as they are there, into a folder that is there. */
    public static void copyTokenizer(Path from, Path to) throws IOException {
        for (String name : TOKENIZER_FILES) {
            copyIfThere(from, to, name);
        }
        Path templates = from.resolve(MORE_TEMPLATES);
        if (Files.isDirectory(templates)) {
            Files.createDirectory(to.resolve(MORE_TEMPLATES));
            try (DirectoryStream<Path> files = Files.newDirectoryStream(templates, "*.jinja")) {
                for (Path file : files) {
                    copyIfThere(templates, to.resolve(MORE_TEMPLATES), file.getFileName().toString());
                }
            }
        }
    }

    private static void copyIfThere(Path from, Path to, String name) throws IOException {
        if (Files.isRegularFile(from.resolve(name))) {
            Files.write(to.resolve(name), Files.readAllBytes(from.resolve(name)));
        }
    }
}
