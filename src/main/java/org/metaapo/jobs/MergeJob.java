package org.metaapo.jobs;

import java.nio.file.Path;
import java.util.Locale;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DeviceException;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.text.Tokenizer;
import org.metaapo.train.RunListener;

/** Works an adapter into its model: W + s B A in f32, rounded once. */
public final class MergeJob {
    private MergeJob() {}

    /**
     * Writes the merged model as an ordinary folder, which appears whole or not at all.
     *
     * @param dtype of the result; null for bf16 where all of the model's tensors are bf16, or packed, and f32 otherwise, so that no bit is
     *     lost
     * @param quantization packs the model's weights before, as for training over them; null for the weights as the files have them
     * @throws org.metaapo.error.DataException if the adapter is not one of this model, or has what is not computed here
     */
    public static void run(
            Engine engine, Dtype dtype, Quantization quantization, Path model, Path adapter, Path out, RunListener listener) {
        try (AdaptedFolder folder = AdaptedFolder.open(model, adapter).quantized(quantization)) {
            Path tokenizer = folder.tokenizerFolder();
            if (!tokenizer.equals(folder.base().path())) {
                // One that comes with the adapter may have tokens that the base has no rows for.
                Tokenizer.load(tokenizer, folder.config().vocabSize()).close();
            }
            Dtype target = dtype == null ? stored(folder.base()) : dtype;
            checkRoom(engine, folder.config().parameters() * target.bytes());
            listener.begin("loading the model", 0);
            try (AdaptedFolder.Loaded weights = folder.load(engine, target, folder.config().maxPositions())) {
                listener.begin("merging", 0);
                if (folder.quantization() == Quantization.NONE) {
                    // Into itself: the model alone is not needed any more.
                    weights.model().mergeFrom((Adapter) weights.network());
                    listener.begin("writing the model", 0);
                    ModelLoader.save(out, weights.model(), folder.base(), tokenizer);
                } else {
                    saveUnpacked(engine, weights, target, folder.base(), out, tokenizer, listener);
                }
            }
            listener.end();
            listener.note("merged in " + target.name().toLowerCase(Locale.ROOT) + ": " + out);
        }
    }

    /** Packed weights are unpacked, and never packed again: that would lose most of the adapter. */
    private static void saveUnpacked(
            Engine engine, AdaptedFolder.Loaded weights, Dtype dtype, ModelFolder base, Path out, Path tokenizer, RunListener listener) {
        try (Model whole = engine.createModel(weights.model().shape(), dtype)) {
            whole.mergeFrom((Adapter) weights.network());
            listener.begin("writing the model", 0);
            ModelLoader.save(out, whole, base, tokenizer);
        }
    }

    private static Dtype stored(ModelFolder folder) {
        boolean narrow = folder.expectedTensors().keySet().stream()
                .allMatch(name -> folder.isPacked(name) || folder.tensor(name).dtype() == org.metaapo.checkpoint.Dtype.BF16);
        return narrow ? Dtype.BF16 : Dtype.F32;
    }

    private static void checkRoom(Engine engine, long bytes) {
        long free = engine.info().memoryFree();
        if (bytes > free) {
            throw new DeviceException(String.format(Locale.ROOT, "the merged model takes %,.0f MiB, %,.0f MiB are available; "
                    + "merge on another device, or with --dtype bf16", bytes / 1048576.0, free / 1048576.0));
        }
    }
}
