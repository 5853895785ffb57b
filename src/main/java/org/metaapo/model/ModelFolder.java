package org.metaapo.model;

import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.checkpoint.StoredTensors;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * An open Hugging Face model folder. Opening checks the configuration and the name, shape and dtype of every tensor, but
 * reads no weights, except a head stored beside an embedding to which it is said to be tied. All methods may be called from
 * several threads.
 */
public final class ModelFolder implements StoredTensors, AutoCloseable {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final Path path;
    private final JsonNode configJson;
    private final ModelConfig config;
    private final List<SafetensorsFile> files;
    private final Map<String, SafetensorsFile> fileOf;

    private ModelFolder(
            Path path,
            JsonNode configJson,
            ModelConfig config,
            List<SafetensorsFile> files,
            Map<String, SafetensorsFile> fileOf) {
        this.path = path;
        this.configJson = configJson;
        this.config = config;
        this.files = files;
        this.fileOf = fileOf;
    }

    /**
     * Opens a folder.
     *
     * @throws DataException if it is not a model folder, the model is not supported, or a tensor is missing, unexpected,
     *     of a wrong shape or of a dtype other than F32, F16 and BF16, or than bitsandbytes' of projections that are packed
     */
    public static ModelFolder open(Path path) {
        JsonNode json = readConfigJson(path);
        ModelConfig config = ConfigReader.read(path.resolve("config.json"), json);
        List<SafetensorsFile> files = new ArrayList<>();
        boolean opened = false;
        try {
            Map<String, SafetensorsFile> fileOf = openWeights(path, files);
            ModelFolder folder = new ModelFolder(path, json, config, List.copyOf(files), fileOf);
            folder.checkTensors();
            if (folder.hasOwnHead()) {
                folder = new ModelFolder(path, json, config.withOwnHead(), folder.files, fileOf);
            }
            opened = true;
            return folder;
        } finally {
            if (!opened) {
                files.forEach(SafetensorsFile::close);
            }
        }
    }

    /** Reads and checks {@code config.json} alone. */
    public static ModelConfig readConfig(Path folder) {
        return ConfigReader.read(folder.resolve("config.json"), readConfigJson(folder));
    }

    private static JsonNode readConfigJson(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw FolderAdvice.noFolder(folder);
        }
        FolderAdvice.refuseAdapter(folder);
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw FolderAdvice.noConfig(folder);
        }
        return Json.read(file);
    }

    private static Map<String, SafetensorsFile> openWeights(Path folder, List<SafetensorsFile> opened) {
        Map<String, SafetensorsFile> fileOf = new LinkedHashMap<>();
        if (Files.exists(folder.resolve(SINGLE))) {
            SafetensorsFile file = SafetensorsFile.open(folder.resolve(SINGLE));
            opened.add(file);
            file.tensors().keySet().forEach(name -> fileOf.put(name, file));
            return fileOf;
        }
        Path index = folder.resolve(INDEX);
        if (!Files.exists(index)) {
            throw FolderAdvice.noWeights(folder);
        }
        Map<String, String> weightMap = readIndex(index);
        for (String name : new TreeSet<>(weightMap.values())) {
            SafetensorsFile file = SafetensorsFile.open(folder.resolve(name));
            opened.add(file);
            for (String tensor : file.tensors().keySet()) {
                SafetensorsFile other = fileOf.put(tensor, file);
                if (other != null) {
                    throw new DataException(
                            folder + ": tensor " + tensor + " is in two shards: " + other.path().getFileName() + " and " + name);
                }
            }
        }
        weightMap.forEach((tensor, name) -> {
            SafetensorsFile file = fileOf.get(tensor);
            if (file == null || !file.path().getFileName().toString().equals(name)) {
                throw new DataException(index + ": tensor " + tensor + ": expected in " + name + ", found in "
                        + (file == null ? "no shard" : file.path().getFileName()));
            }
        });
        return fileOf;
    }

    private static Map<String, String> readIndex(Path index) {
        JsonFields root = new JsonFields(index, Json.read(index));
        if (!root.get("weight_map").isObject()) {
            throw root.wrong("weight_map", "an object of tensor names and shard names");
        }
        Map<String, String> weightMap = new LinkedHashMap<>();
        root.get("weight_map").fields().forEachRemaining(entry -> {
            String name = entry.getValue().isTextual() ? entry.getValue().textValue() : "";
            if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]*\\.safetensors")) {
                throw new DataException(index + ": weight_map: tensor " + entry.getKey()
                        + ": expected a plain file name that ends in .safetensors, found " + Json.describe(entry.getValue()));
            }
            weightMap.put(entry.getKey(), name);
        });
        return weightMap;
    }

    private void checkTensors() {
        Map<String, long[]> expected = config.expectedTensors();
        SortedSet<String> missing = storedNames();
        missing.removeAll(fileOf.keySet());
        if (!missing.isEmpty()) {
            throw new DataException(path + ": " + count(missing.size(), "tensor") + " missing that config.json asks for: "
                    + some(missing));
        }
        SortedSet<String> extra = new TreeSet<>(fileOf.keySet());
        extra.removeAll(storedNames());
        extra.removeIf(name -> name.endsWith("rotary_emb.inv_freq") || isTiedCopy(name) || isLayoutOfRows(name));
        if (!extra.isEmpty()) {
            throw new DataException(
                    path + ": " + count(extra.size(), "tensor") + " found that config.json knows nothing of: " + some(extra));
        }
        expected.forEach((name, shape) -> {
            if (isPacked(name)) {
                PackedTensors.check(this, config.quantization(), name, shape);
            } else {
                checkTensor(name, shape);
            }
        });
        if (fileOf.containsKey("lm_head.weight")) {
            checkTensor("lm_head.weight", new long[] {config.vocabSize(), config.hiddenSize()});
        }
    }

    /** Names of all tensors that the files are to have. */
    private SortedSet<String> storedNames() {
        SortedSet<String> names = new TreeSet<>();
        config.expectedTensors().forEach((name, shape) ->
                names.addAll(isPacked(name) ? PackedTensors.names(config.quantization(), name, shape) : List.of(name)));
        return names;
    }

    /** Whether a tensor of the model is stored in few bits. */
    public boolean isPacked(String name) {
        return config.quantization() != Quantization.NONE && PackedTensors.isProjection(name);
    }

    /** Whether this says that int8 codes are stored row after row, as they are wherever bitsandbytes writes safetensors. */
    private boolean isLayoutOfRows(String name) {
        if (config.quantization() != Quantization.INT8 || !PackedTensors.isLayout(name, config)) {
            return false;
        }
        ByteBuffer layout = ByteBuffer.allocate(1);
        if (tensor(name).bytes() != 1 || read(name, 0, layout) != 1 || layout.get(0) != 0) {
            throw new DataException(fileOf(name) + ": tensor " + name + ": expected one 0, for codes row after row");
        }
        return true;
    }

    /** Whether a head that is said to be the embedding is stored beside it with other values: transformers then keeps both. */
    private boolean hasOwnHead() {
        return isTiedCopy("lm_head.weight")
                && fileOf.containsKey("lm_head.weight")
                && !TensorValues.equal(this, "lm_head.weight", "model.embed_tokens.weight");
    }

    private boolean isTiedCopy(String name) {
        return config.head() == Head.LM && config.tiedHead() && name.equals("lm_head.weight");
    }

    private void checkTensor(String name, long[] shape) {
        TensorInfo tensor = tensor(name);
        Path file = fileOf.get(name).path();
        if (name.equals("score.weight") && tensor.shape().length == 2 && tensor.shape()[0] != 1) {
            throw new DataException(file + ": tensor score.weight has " + tensor.shape()[0]
                    + " rows, one for each label; expected 1, a reward model with one score");
        }
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new DataException(file + ": tensor " + name + ": expected shape " + Arrays.toString(shape)
                    + ", found " + Arrays.toString(tensor.shape()));
        }
        switch (tensor.dtype()) {
            case F32, F16, BF16 -> {}
            default -> throw new DataException(
                    file + ": tensor " + name + ": expected dtype F32, F16 or BF16, found " + tensor.dtype());
        }
    }

    private static String count(int count, String noun) {
        return count + " " + noun + (count == 1 ? " is" : "s are");
    }

    private static String some(SortedSet<String> names) {
        String first = String.join(", ", names.stream().limit(3).toList());
        return names.size() <= 3 ? first : first + " and " + (names.size() - 3) + " more";
    }

    @Override
    public Path path() {
        return path;
    }

    /** The checked configuration, with the head as it is stored. */
    public ModelConfig config() {
        return config;
    }

    /** The source's own {@code config.json}, as a copy. */
    public JsonNode configJson() {
        return configJson.deepCopy();
    }

    /** Name to shape of every tensor of the model: {@link ModelConfig#expectedTensors()}. */
    public Map<String, long[]> expectedTensors() {
        return config.expectedTensors();
    }

    /**
     * The tensors of the model as they lie in the files, in the order of {@link #expectedTensors()}; of a packed one all in which it is
     * stored.
     */
    public Map<String, TensorInfo> tensors() {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        config.expectedTensors().forEach((name, shape) ->
                (isPacked(name) ? PackedTensors.names(config.quantization(), name, shape) : List.of(name)).forEach(stored -> tensors.put(stored, tensor(stored))));
        return Collections.unmodifiableMap(tensors);
    }

    /** The file that holds a tensor. */
    Path fileOf(String name) {
        return file(name).path();
    }

    /** A name that the model has not is an {@link IllegalArgumentException}. */
    @Override
    public TensorInfo tensor(String name) {
        return file(name).tensors().get(name);
    }

    /** Maps a tensor's data: see {@link SafetensorsFile#map}. */
    public ByteBuffer map(String name) {
        return file(name).map(name);
    }

    @Override
    public long read(String name, long byteOffset, ByteBuffer dst) {
        return file(name).read(name, byteOffset, dst);
    }

    /** Throws unless this is a language model ({@link Head#LM}) or a reward model ({@link Head#VALUE}), as is asked for. */
    public void requireHead(Head head) {
        if (config.head() != head) {
            throw new DataException(path + ": is " + config.architecture() + (head == Head.LM
                    ? ", a reward model; expected a language model (*ForCausalLM); a reward model is given as reward.path, or to metaapo reward"
                    : ", a language model; expected a reward model, which is a *ForSequenceClassification with one label (recipe "
                            + "reward-model makes one); a policy is given as model.path"));
        }
    }

    /** Throws unless this model can be the reference of {@code policy}: a language model that reads the same ids. */
    public void checkReferenceOf(ModelFolder policy) {
        requireHead(Head.LM);
        if (config.vocabSize() != policy.config.vocabSize()) {
            throw new DataException(path + ": the vocabulary has " + config.vocabSize() + " tokens, the policy's "
                    + policy.config.vocabSize() + "; a reference must share the tokenizer");
        }
    }

    /**
     * Tokens that end an answer by the file that names them, the one that counts first: {@code eos_token_id} of
     * generation_config.json and of config.json. A file that names none is not there.
     */
    public Map<String, int[]> stopSources() {
        Map<String, int[]> sources = new LinkedHashMap<>();
        Path file = path.resolve("generation_config.json");
        if (Files.exists(file)) {
            put(sources, file, new JsonFields(file, Json.read(file)));
        }
        put(sources, path.resolve("config.json"), new JsonFields(path.resolve("config.json"), configJson));
        return sources;
    }

    private static void put(Map<String, int[]> sources, Path file, JsonFields json) {
        List<Integer> ids = json.tokenIds("eos_token_id");
        if (!ids.isEmpty()) {
            sources.put(file.getFileName().toString(), ids.stream().mapToInt(Integer::intValue).toArray());
        }
    }

    /** Tokens that end an answer as the first of {@link #stopSources()} has them; empty for none, where the tokenizer tells. */
    public int[] stopIds() {
        return stopSources().values().stream().findFirst().orElseGet(() -> new int[0]);
    }

    /** Closes all files; calling it again does nothing. */
    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }

    private SafetensorsFile file(String name) {
        SafetensorsFile file = fileOf.get(name);
        if (file == null) {
            throw new IllegalArgumentException(path + ": no tensor named " + name);
        }
        return file;
    }
}
