package org.metaapo.jobs;

import java.nio.file.Path;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Tokenizer;

/** A model folder with its tokenizer and template, opened together. */
public final class Policy implements AutoCloseable {
    private final ModelFolder folder;
    private final Tokenizer tokenizer;
    private final ChatFormat format;

    private Policy(ModelFolder folder, Tokenizer tokenizer, ChatFormat format) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.format = format;
    }

    /**
     * Opens a language model's folder; reads no weights.
     *
     * @throws DataException if the folder is not one, or tokenizer and model do not fit
     */
    public static Policy open(Path path) {
        return open(path, ChatOptions.DEFAULT);
    }

    /** As {@link #open(Path)}, with a choice of how conversations become tokens. */
    public static Policy open(Path path, ChatOptions options) {
        ModelFolder folder = ModelFolder.open(path);
        try {
            Tokenizer tokenizer = Tokenizer.load(path, folder.config().vocabSize());
            // As the recipe reward-model: a reward model is trained to score at the very end of the template's text.
            ChatOptions chat = options.withTail(options.keepTemplateTail() || folder.config().head() == Head.VALUE);
            return new Policy(folder, tokenizer, ChatFormat.load(path, tokenizer, folder.stopIds(), chat));
        } catch (RuntimeException e) {
            folder.close();
            throw e;
        }
    }

    /** The folder. */
    public ModelFolder folder() {
        return folder;
    }

    /** Tokenizer and template. */
    public ChatFormat format() {
        return format;
    }

    /** Loads the weights. */
    public Model load(Engine engine, Dtype dtype) {
        folder.requireHead(Head.LM);
        return ModelLoader.load(engine, folder, dtype, Head.LM, 0);
    }

    @Override
    public void close() {
        tokenizer.close();
        folder.close();
    }
}
