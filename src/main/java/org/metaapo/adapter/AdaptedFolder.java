package org.metaapo.adapter;

import java.nio.file.Path;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.Network;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;

/** A model's folder, alone or with an adapter's folder over it: what a command or a key of the configuration names as a model. */
public final class AdaptedFolder implements AutoCloseable {
    private final ModelFolder base;
    private final AdapterFolder adapter;
    private Quantization quantization;

    private AdaptedFolder(ModelFolder base, AdapterFolder adapter) {
        this.base = base;
        this.adapter = adapter;
        this.quantization = base.config().quantization();
    }

    /** A model alone. */
    public static AdaptedFolder open(Path base) {
        return open(base, null);
    }

    /**
     * Opens a model and its adapter; reads no weights.
     *
     * @param adapter folder, or null for the model alone
     * @throws DataException if one is no such folder, or the adapter is not one of this model
     */
    public static AdaptedFolder open(Path base, Path adapter) {
        ModelFolder model = ModelFolder.open(base);
        boolean opened = false;
        try {
            AdaptedFolder both = new AdaptedFolder(model, adapter == null ? null : AdapterFolder.open(adapter, model.config(), 0));
            both.checkHeads();
            opened = true;
            return both;
        } finally {
            if (!opened) {
                model.close();
            }
        }
    }

    private void checkHeads() {
        if (adapter != null && adapter.config().head() == Head.LM && base.config().head() == Head.VALUE) {
            adapter.close();
            throw new DataException(adapter.path() + ": the adapter has no score head, and its base " + base.path()
                    + " is a reward model; expected a language model as its base, or an adapter with modules_to_save: [score]");
        }
    }

    /**
     * Has the base packed when it is loaded, unless its files are packed already.
     *
     * @param asked for; null or NONE for the weights as the files have them
     * @throws UsageException if the files have it in another way
     */
    public AdaptedFolder quantized(Quantization asked) {
        quantization = quantization(base.config(), base.path(), asked);
        return this;
    }

    /** How a model's weights are kept whose files have this configuration, as {@link #quantized} says. */
    public static Quantization quantization(ModelConfig config, Path folder, Quantization asked) {
        Quantization stored = config.quantization();
        if (asked == null || asked == Quantization.NONE) {
            return stored;
        }
        if (stored == Quantization.NONE) {
            return asked;
        }
        if (!asked.text().equals(stored.text())) {
            throw new UsageException(folder + ": its weights are packed as " + stored.text() + ", and " + asked.text() + " is asked for; leave that out");
        }
        return stored;
    }

    /** How the base's weights are kept when they are loaded. */
    public Quantization quantization() {
        return quantization;
    }

    /** The model without the adapter. */
    public ModelFolder base() {
        return base;
    }

    /** Null where the model is alone. */
    public AdapterFolder adapter() {
        return adapter;
    }

    /** The model's configuration, under the adapter's head where there is one. */
    public ModelConfig config() {
        return base.config().withHead(head());
    }

    /** What comes out: the adapter's head, else the model's. */
    public Head head() {
        return adapter == null ? base.config().head() : adapter.config().head();
    }

    /** Throws unless this is a language model, or a reward model, as is asked for. */
    public void requireHead(Head head) {
        if (adapter == null) {
            base.requireHead(head);
        } else if (head() != head) {
            throw wrongHead(adapter.path(), head);
        }
    }

    /** Of an adapter whose head is the other one. */
    public static DataException wrongHead(Path adapter, Head expected) {
        return new DataException(adapter + ": the adapter is " + (expected == Head.LM ? "a reward model's, expected a language model's"
                : "a language model's, expected a reward model's (task_type SEQ_CLS)"));
    }

    /** Where tokenizer and chat template lie: in the adapter's folder if it brings them, for they are what it was trained with. */
    public Path tokenizerFolder() {
        return adapter != null && adapter.hasTokenizer() ? adapter.path() : base.path();
    }

    /** The adapter's folder, else the model's: what there is of its own. */
    public Path path() {
        return adapter == null ? base.path() : adapter.path();
    }

    /** In words. */
    public String name() {
        return base.path() + (adapter == null ? "" : " with the adapter " + adapter.path());
    }

    /**
     * Weights, and what runs on them.
     *
     * @param model the base
     * @param network the adapter on it, or the model itself
     */
    public record Loaded(Model model, Network network) implements AutoCloseable {
        @Override
        public void close() {
            model.close();
        }
    }

    /**
     * Loads the model and its adapter.
     *
     * @param tokens of the longest sequence; the model has as many positions as its configuration says where those are more
     */
    public Loaded load(Engine engine, Dtype dtype, int tokens) {
        ModelOptions options = new ModelOptions(dtype, false, quantization);
        Model model = ModelLoader.loadStored(engine.createModel(ModelLoader.shape(config(), tokens), options), base);
        try {
            return new Loaded(model, on(model));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** What runs on this base's weights, which are loaded already: the adapter, which is loaded, or the model itself. */
    public Network on(Model model) {
        return adapter == null ? model : adapter.load(model.createAdapter(adapter.shape()));
    }

    /** Closes both folders; calling it again does nothing. */
    @Override
    public void close() {
        if (adapter != null) {
            adapter.close();
        }
        base.close();
    }
}
