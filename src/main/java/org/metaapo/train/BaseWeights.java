package org.metaapo.train;

import java.nio.file.Path;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.AdapterKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.Quantization;
import org.metaapo.error.UsageException;
import org.metaapo.model.ModelConfig;

/** How a run keeps the weights of its policy's base and of a reference, which are packed alike where model.quantize says so. */
public final class BaseWeights {
    private BaseWeights() {}

    /**
     * Of the policy's model.
     *
     * @throws UsageException if they are packed and no adapter is trained, or packed in another way than the configuration says
     */
    public static ModelOptions policy(RunConfig run, ModelConfig model) {
        return policy(run, model, false);
    }

    /** As the other; {@code sharded} says whether ranks share out the run's weights. */
    static ModelOptions policy(RunConfig run, ModelConfig model, boolean sharded) {
        Path folder = run.path("model.path");
        Quantization quantization = AdaptedFolder.quantization(model, folder, asked(run));
        if (quantization != Quantization.NONE && !AdapterKeys.asked(run)) {
            throw new UsageException(folder + ": its weights are packed as " + quantization.text() + ", and packed weights are not trained themselves; "
                    + "train an adapter over them (adapter.rank=16), or give weights in F32, F16 or BF16");
        }
        return new ModelOptions(dtype(run), false, quantization, sharded);
    }

    /**
     * Of a reference with weights of its own.
     *
     * @param sharded whether ranks share out the run's weights
     * @throws UsageException if packed ones are to be offloaded
     */
    static ModelOptions reference(RunConfig run, ModelConfig model, Path folder, boolean sharded) {
        Quantization quantization = AdaptedFolder.quantization(model, folder, asked(run));
        if (quantization != Quantization.NONE && run.flag("reference.offload")) {
            throw new UsageException("reference.offload is true, and the weights of " + folder + " are packed as " + quantization.text()
                    + ": they are small and stay on the device; leave it out");
        }
        return new ModelOptions(dtype(run), run.flag("reference.offload"), quantization, sharded && quantization == Quantization.NONE);
    }

    /** What the configuration asks for; null for the weights as the files have them. */
    public static Quantization asked(RunConfig run) {
        return run.isSet("model.quantize") ? Quantization.fromName(run.text("model.quantize")) : null;
    }

    private static Dtype dtype(RunConfig run) {
        return Dtype.fromName(run.text("dtype"));
    }
}
