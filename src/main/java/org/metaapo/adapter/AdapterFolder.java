package org.metaapo.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.SafetensorsWriter;
import org.metaapo.checkpoint.StoredTensors;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.checkpoint.TensorSource;
import org.metaapo.checkpoint.TensorSpec;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.engine.Projection;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.HubName;
import org.metaapo.files.Json;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelWriter;
import org.metaapo.model.WeightCopier;

/**
 * An open adapter folder in PEFT's format: {@code adapter_config.json} and {@code adapter_model.safetensors}. Opening checks that the
 * adapter fits its base, field by field and tensor by tensor, but reads no weights.
 */
public final class AdapterFolder implements StoredTensors, AutoCloseable {
    /** Configuration of an adapter. */
    public static final String CONFIG = "adapter_config.json";

    private static final String TENSORS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";

    private final Path path;
    private final AdapterConfig config;
    private final AdapterShape shape;
    private final SafetensorsFile file;

    private AdapterFolder(Path path, AdapterConfig config, AdapterShape shape, SafetensorsFile file) {
        this.path = path;
        this.config = config;
        this.shape = shape;
        this.file = file;
    }

    /**
     * Opens an adapter of a model.
     *
     * @param seed of dropout, where the adapter is trained
     * @throws DataException if it is no adapter folder, has a field that is not supported, or does not fit the model
     */
    public static AdapterFolder open(Path path, ModelConfig base, long seed) {
        AdapterConfig config = readConfig(path);
        AdapterShape shape;
        try {
            shape = config.shape(base, seed);
        } catch (IllegalArgumentException e) {
            throw new DataException(path.resolve(CONFIG) + ": " + e.getMessage(), e);
        }
        Path tensors = path.resolve(TENSORS);
        if (!Files.isRegularFile(tensors)) {
            throw new DataException(path + ": " + TENSORS + " is missing" + (Files.exists(path.resolve("adapter_model.bin"))
                    ? ": adapter_model.bin is a pickle, which can run code when it is read; save the adapter again with PEFT (safe_serialization=True)"
                    : ": save the adapter with safetensors"));
        }
        SafetensorsFile file = SafetensorsFile.open(tensors);
        boolean opened = false;
        try {
            check(file, AdapterTensors.of(shape, base), base);
            opened = true;
            return new AdapterFolder(path, config, shape, file);
        } finally {
            if (!opened) {
                file.close();
            }
        }
    }

    /** Reads and checks {@code adapter_config.json} alone. */
    public static AdapterConfig readConfig(Path path) {
        if (!Files.isDirectory(path)) {
            throw new DataException(path + ": expected an adapter folder as PEFT writes it, found " + (Files.exists(path)
                    ? "a file; give the folder that it lies in" : "nothing there" + HubName.advice(path, "model")));
        }
        Path file = path.resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw new DataException(path + ": " + CONFIG + " is missing: expected an adapter folder as PEFT writes it" + (Files.exists(path.resolve("config.json"))
                    ? ", found a whole model, which is given as --model or model.path" : within(path)));
        }
        return AdapterConfigReader.read(file, Json.read(file));
    }

    /** PEFT saves adapters with names of their own into folders of these names. */
    private static String within(Path path) {
        try (Stream<Path> entries = Files.list(path)) {
            List<String> named = entries.filter(entry -> Files.isRegularFile(entry.resolve(CONFIG))).map(Path::toString).sorted().toList();
            return named.isEmpty() ? "" : "; give an adapter's own folder: " + String.join(" or ", named);
        } catch (IOException e) {
            throw FileFailures.reading(path, e);
        }
    }

    /**
     * Whether the folder brings a tokenizer and template of its own.
     *
     * @throws DataException if it has some of a tokenizer's files and not tokenizer.json: half a tokenizer would be mixed with the base's
     */
    public boolean hasTokenizer() {
        if (Files.isRegularFile(path.resolve("tokenizer.json"))) {
            return true;
        }
        for (String name : ModelWriter.TOKENIZER_FILES) {
            if (Files.exists(path.resolve(name))) {
                throw new DataException(path + ": " + name + " is there and tokenizer.json is not; put all of the tokenizer's files beside the adapter, or "
                        + "none, and the base's tokenizer and template count");
            }
        }
        return false;
    }

    /** What the folder's two files hold, as digests. */
    public static List<String> digests(Path path) {
        return List.of(Digests.sha256(path.resolve(CONFIG)), Digests.sha256(path.resolve(TENSORS)));
    }

    private static void check(SafetensorsFile file, Map<String, long[]> expected, ModelConfig base) {
        SortedSet<String> missing = new TreeSet<>();
        expected.keySet().stream().map(name -> PREFIX + name).filter(name -> !file.tensors().containsKey(name)).forEach(missing::add);
        if (!missing.isEmpty()) {
            throw new DataException(file.path() + ": " + some(missing) + (missing.size() == 1 ? " is" : " are")
                    + " missing that " + CONFIG + " asks for, with a base of " + base.layers() + " layers");
        }
        SortedSet<String> extra = new TreeSet<>(file.tensors().keySet());
        extra.removeIf(name -> name.startsWith(PREFIX) && expected.containsKey(name.substring(PREFIX.length())));
        if (!extra.isEmpty()) {
            throw new DataException(file.path() + ": " + some(extra) + (extra.size() == 1 ? " is" : " are") + " there that " + CONFIG
                    + " knows nothing of, with a base of " + base.layers() + " layers; " + (extra.stream().anyMatch(AdapterFolder::isEmbedding)
                    ? "PEFT saves embeddings and head whole where tokens were added, which is not supported; merge the adapter with PEFT"
                    : "is this the adapter's base?"));
        }
        expected.forEach((name, shape) -> {
            TensorInfo tensor = file.tensors().get(PREFIX + name);
            if (!Arrays.equals(tensor.shape(), shape)) {
                throw new DataException(file.path() + ": tensor " + PREFIX + name + ": expected shape " + Arrays.toString(shape) + ", found "
                        + Arrays.toString(tensor.shape()) + "; the adapter is of another base or rank");
            }
            switch (tensor.dtype()) {
                case F32, F16, BF16 -> { }
                default -> throw new DataException(file.path() + ": tensor " + PREFIX + name + ": expected dtype F32, F16 or BF16, found " + tensor.dtype());
            }
        });
    }

    private static boolean isEmbedding(String name) {
        return name.contains("embed_tokens") || name.contains("lm_head");
    }

    private static String some(SortedSet<String> names) {
        String first = String.join(", ", names.stream().limit(3).toList());
        return names.size() <= 3 ? first : first + " and " + (names.size() - 3) + " more tensors";
    }

    @Override
    public Path path() {
        return path;
    }

    /** The checked configuration. */
    public AdapterConfig config() {
        return config;
    }

    /** Which weights of the base are adapted. */
    public AdapterShape shape() {
        return shape;
    }

    /** By the name without PEFT's prefix, as in {@link AdapterTensors#of}. */
    @Override
    public TensorInfo tensor(String name) {
        return file.tensors().get(PREFIX + name);
    }

    @Override
    public long read(String name, long byteOffset, ByteBuffer target) {
        return file.read(PREFIX + name, byteOffset, target);
    }

    /**
     * Fills an adapter of this shape; closes it where that fails.
     *
     * @throws DataException if a weight is NaN or infinite, with file, tensor and element
     */
    public Adapter load(Adapter adapter) {
        try {
            WeightCopier copier = new WeightCopier(this, adapter, null);
            adapter.tensors().forEach(copier::copy);
            return adapter;
        } catch (RuntimeException e) {
            adapter.close();
            throw e;
        }
    }

    /**
     * Writes an adapter of a model as a folder that PEFT loads; it appears whole or not at all.
     *
     * @param tokenizerFolder where the tokenizer's files and the template are copied from, which belong to the adapter as its weights do
     */
    public static void save(Path target, Adapter adapter, AdapterConfig config, ModelConfig base, Path tokenizerFolder) {
        Map<String, org.metaapo.engine.TensorInfo> byName = new HashMap<>();
        adapter.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
        AtomicFiles.folder(target, folder -> {
            ModelWriter.copyTokenizer(tokenizerFolder, folder);
            write(folder, config, base, (tensor, offset, chunk) -> {
                chunk.rewind();
                adapter.read(byName.get(tensor.name()), offset / Float.BYTES, chunk, org.metaapo.engine.Dtype.F32);
            });
        });
    }

    /** Closes the file; calling it again does nothing. */
    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes the two files of an adapter into a folder that is there, in f32, so that PEFT loads them.
     *
     * @param tensors gives the data of {@link AdapterTensors#of}, by the names of it
     */
    public static void write(Path folder, AdapterConfig config, ModelConfig base, TensorSource tensors) throws IOException {
        List<TensorSpec> specs = new ArrayList<>();
        AdapterTensors.of(config.shape(base, 0), base).forEach((name, shape) -> specs.add(new TensorSpec(PREFIX + name, Dtype.F32, shape)));
        SafetensorsWriter.write(folder.resolve(TENSORS), specs, Map.of("format", "pt"), (spec, offset, chunk) -> tensors.fill(
                new TensorSpec(spec.name().substring(PREFIX.length()), spec.dtype(), spec.shape()), offset, chunk));
        Files.writeString(folder.resolve(CONFIG), Json.writePretty(json(config)));
    }

    private static JsonNode json(AdapterConfig config) {
        ObjectNode json = Json.mapper().createObjectNode();
        json.put("peft_type", "LORA").put("task_type", config.head() == Head.VALUE ? "SEQ_CLS" : "CAUSAL_LM");
        json.put("base_model_name_or_path", config.base()).put("inference_mode", true);
        json.put("r", config.rank());
        number(json, "lora_alpha", config.alpha());
        json.put("lora_dropout", config.dropout()).put("use_rslora", config.rslora());
        json.put("bias", "none").put("fan_in_fan_out", false).put("use_dora", false);
        json.set("target_modules", modules(config.targets()));
        json.set("exclude_modules", config.excluded().isEmpty() ? null : modules(config.excluded()));
        json.set("layers_to_transform", config.layers().isEmpty() ? null : Json.mapper().valueToTree(new TreeSet<>(config.layers())));
        json.set("layers_pattern", config.layersPattern().isEmpty() ? null : Json.mapper().valueToTree(config.layersPattern()));
        ObjectNode ranks = json.putObject("rank_pattern");
        config.rankPattern().forEach(ranks::put);
        ObjectNode alphas = json.putObject("alpha_pattern");
        config.alphaPattern().forEach((key, alpha) -> number(alphas, key, alpha));
        json.set("modules_to_save", config.head() == Head.VALUE ? Json.mapper().valueToTree(List.of("score")) : null);
        switch (config.init()) {
            case UNIFORM -> json.put("init_lora_weights", true);
            case GAUSSIAN -> json.put("init_lora_weights", "gaussian");
        }
        return json;
    }

    /** PEFT declares alpha as an integer; one that is whole is written as such. */
    private static void number(ObjectNode json, String name, double value) {
        if (value == Math.rint(value)) {
            json.put(name, (long) value);
        } else {
            json.put(name, value);
        }
    }

    private static JsonNode modules(Modules modules) {
        if (modules.isAllLinear()) {
            ArrayNode names = Json.mapper().createArrayNode();
            for (Projection projection : Projection.values()) {
                names.add(AdapterTensors.shortName(projection));
            }
            return names;
        }
        return modules.expression() != null ? Json.mapper().getNodeFactory().textNode(modules.expression()) : Json.mapper().valueToTree(modules.names());
    }
}
