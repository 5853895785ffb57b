package org.metaapo.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TensorInfo;
import org.metaapo.engine.Trainer;
import org.metaapo.error.DataException;
import org.metaapo.error.NumericException;

/** Carries weights between Hugging Face folders and the engine, chunk by chunk and off the heap. */
public final class ModelLoader {
    private ModelLoader() {}

    /** The engine's shape of a folder's configuration, for sequences of as many tokens as it has positions. */
    public static ModelShape shape(ModelConfig c) {
        return shape(c, c.maxPositions());
    }

    /**
     * The engine's shape of a folder's configuration, for sequences of up to {@code tokens} tokens, and of as many as it has positions
     * where those are more. {@code max_position_embeddings} says what a model was trained on; as in transformers, rotary embedding
     * goes on beyond it.
     */
    public static ModelShape shape(ModelConfig c, int tokens) {
        RopeConfig rope = c.rope();
        int positions = Math.max(c.maxPositions(), tokens);
        List<Integer> windows = c.windows().stream().map(window -> window >= positions ? 0 : window).toList();
        return new ModelShape(
                c.vocabSize(), c.hiddenSize(), c.intermediateSize(), c.layers(), c.heads(), c.kvHeads(), c.headDim(),
                positions, c.padTokenId(), windows, c.head(), c.tiedHead(), c.qkvBias(), c.outputBias(), c.mlpBias(),
                c.qkNorm(), ModelShape.Rope.valueOf(rope.type().name()), c.rmsNormEps(), rope.theta(), rope.factor(),
                rope.lowFreqFactor(), rope.highFreqFactor(), rope.originalMaxPositions());
    }

    /**
     * Loads a folder's model. Where {@code head} is not the folder's own, the transformer is loaded and a value head begins
     * with random weights of the seed.
     *
     * @throws DataException if a weight is NaN or infinite, with file, tensor and element
     */
    public static Model load(Engine engine, ModelFolder folder, Dtype dtype, Head head, long seed) {
        ModelOptions options = new ModelOptions(dtype, false, folder.config().quantization());
        return load(engine.createModel(shape(folder.config().withHead(head)), options), folder, head, seed);
    }

    /** As {@link #load}, into a model of the folder's shape with this head; closes it where that fails. */
    public static Model load(Model model, ModelFolder folder, Head head, long seed) {
        return load(model, null, folder, head, seed);
    }

    /**
     * As {@link #load(Model, ModelFolder, Head, long)}, with the model's new trainer: f32 masters of bf16 weights begin with all
     * bits of what is stored.
     */
    public static Model load(Model model, Trainer trainer, ModelFolder folder, Head head, long seed) {
        if (head != folder.config().head()) {
            model.initialize(seed, folder.config().initializerRange());
        }
        return loadStored(model, trainer, folder);
    }

    /**
     * Loads the tensors that a folder has into a model of its shape, and leaves a head that it has not; closes the model where that
     * fails.
     */
    public static Model loadStored(Model model, ModelFolder folder) {
        return loadStored(model, null, folder);
    }

    private static Model loadStored(Model model, Trainer trainer, ModelFolder folder) {
        try {
            WeightCopier copier = new WeightCopier(folder, model, trainer);
            PackedTensors packed = new PackedTensors(folder, folder.config().quantization());
            for (TensorInfo tensor : model.tensors()) {
                if (folder.isPacked(tensor.name())) {
                    loadPacked(model, packed, tensor, folder);
                } else if (folder.expectedTensors().containsKey(tensor.name())) {
                    copier.copy(tensor);
                }
            }
            return model;
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    private static void loadPacked(Model model, PackedTensors packed, TensorInfo tensor, ModelFolder folder) {
        if (model.quantization() != folder.config().quantization()) {
            throw new IllegalArgumentException(folder.path() + " is packed as " + folder.config().quantization() + " and the model as " + model.quantization());
        }
        try {
            model.writePacked(tensor, packed.read(tensor.name(), tensor.shape()));
        } catch (NumericException e) {
            throw new DataException(folder.path() + ": " + e.getMessage() + "; the weights are damaged", e);
        }
    }

    /** Writes a model that came from {@code source} as a Hugging Face folder, in the model's own dtype. */
    public static void save(Path target, Model model, ModelFolder source) {
        save(target, model, source, source.path());
    }

    /** As the other, with tokenizer files and template of another folder. */
    public static void save(Path target, Model model, ModelFolder source, Path tokenizerFolder) {
        ModelWriter.write(target, source, source.config().withHead(model.shape().head()), tokenizerFolder, fileDtype(model), tensors(model));
    }

    /** Reads what {@link #save} reads, and writes nothing: for ranks that share out the weights with the one that writes. */
    public static void readAlong(Model model, ModelFolder source) {
        ModelWriter.readAlong(source.config().withHead(model.shape().head()), fileDtype(model), tensors(model));
    }

    /** Writes a model that has no source folder; tokenizer files and template come from {@code tokenizerFolder}. */
    public static void create(Path target, Model model, ModelConfig config, Path tokenizerFolder) {
        ModelWriter.create(target, config, tokenizerFolder, fileDtype(model), tensors(model));
    }

    private static org.metaapo.checkpoint.Dtype fileDtype(Model model) {
        return org.metaapo.checkpoint.Dtype.valueOf(model.dtype().name());
    }

    private static org.metaapo.checkpoint.TensorSource tensors(Model model) {
        Map<String, TensorInfo> byName = new HashMap<>();
        model.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
        return (tensor, byteOffset, chunk) -> {
            chunk.rewind();
            model.read(byName.get(tensor.name()), byteOffset / model.dtype().bytes(), chunk, model.dtype());
        };
    }
}
