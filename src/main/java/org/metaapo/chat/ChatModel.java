package org.metaapo.chat;

import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Network;
import org.metaapo.error.DataException;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;

/** A model that answers, one answer at a time. */
public final class ChatModel implements AutoCloseable {
    private final String name;
    private final ChatFormat format;
    private final int context;
    private final int positions;
    private final Generator generator;

    /**
     * Opens a generator on a network.
     *
     * @param name what to call the model
     * @param context tokens of a prompt with its answer, at most
     * @param positions that the model has
     */
    public ChatModel(String name, ChatFormat format, Network network, int context, int positions) {
        this.name = name;
        this.format = format;
        this.context = context;
        this.positions = positions;
        this.generator = network.generator(new GeneratorOptions(1, context));
    }

    /** What to call it. */
    String name() {
        return name;
    }

    /** Tokenizer and template. */
    ChatFormat format() {
        return format;
    }

    /** Tokens of a prompt with its answer, at most. */
    int context() {
        return context;
    }

    /** Its generator. */
    Generator generator() {
        return generator;
    }

    /** Tokens that a conversation takes; of a model without a template, its last turn. */
    int[] prompt(Conversation conversation) {
        return format.hasTemplate() ? format.encodePrompt(conversation) : format.encodePlainPrompt(conversation.last().content());
    }

    /**
     * Tokens that are left for an answer.
     *
     * @throws DataException if there are none
     */
    int room(int[] prompt) {
        if (prompt.length >= context) {
            throw new DataException(name + ": the conversation with this message has " + prompt.length + " tokens, and a context of " + context
                    + " leaves none for an answer, so that it is not sent; a shorter message, /undo or /clear makes room"
                    + (context < positions ? ", and --context has up to " + positions : ""));
        }
        return context - prompt.length;
    }

    @Override
    public void close() {
        generator.close();
    }
}
