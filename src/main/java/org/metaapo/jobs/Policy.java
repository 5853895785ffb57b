package org.metaapo.jobs;

import java.nio.file.Path;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DataException;
import org.metaapo.model.ModelConfig;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Tokenizer;

/** A model, alone or with an adapter, with its tokenizer and template, opened together. */
public final class Policy implements AutoCloseable {
    private final AdaptedFolder folder;
    private final Tokenizer tokenizer;
    private final ChatFormat format;

    private Policy(AdaptedFolder folder, Tokenizer tokenizer, ChatFormat format) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.format = format;
    }

    /**
     * Opens a model's folder; reads no weights.
     *
     * @throws DataException if the folder is not one, or tokenizer and model do not fit
     */
    public static Policy open(Path path) {
        return open(path, null, null, ChatOptions.DEFAULT);
    }

    /**
     * As {@link #open(Path)}, with an adapter, or null for none, and a choice of how conversations become tokens.
     *
     * @param quantization packs the model's weights; null for them as the files have them
     * @throws DataException also if the adapter is not one of this model
     */
    public static Policy open(Path path, Path adapter, Quantization quantization, ChatOptions options) {
        AdaptedFolder folder = AdaptedFolder.open(path, adapter);
        try {
            folder.quantized(quantization);
            Tokenizer tokenizer = Tokenizer.load(folder.tokenizerFolder(), folder.config().vocabSize());
            // As the recipe reward-model: a reward model is trained to score at the very end of the template's text.
            ChatOptions chat = options.withTail(options.keepTemplateTail() || folder.head() == Head.VALUE);
            return new Policy(folder, tokenizer, ChatFormat.load(tokenizer.folder(), tokenizer, folder.base().stopIds(), chat));
        } catch (RuntimeException e) {
            folder.close();
            throw e;
        }
    }

    /** The folders. */
    public AdaptedFolder folder() {
        return folder;
    }

    /** Shape of the model. */
    public ModelConfig config() {
        return folder.config();
    }

    /** Tokenizer and template. */
    public ChatFormat format() {
        return format;
    }

    /** Loads the weights of a language model, for sequences as long as it has positions. */
    public AdaptedFolder.Loaded load(Engine engine, Dtype dtype) {
        folder.requireHead(Head.LM);
        return folder.load(engine, dtype, config().maxPositions());
    }

    @Override
    public void close() {
        tokenizer.close();
        folder.close();
    }
}
