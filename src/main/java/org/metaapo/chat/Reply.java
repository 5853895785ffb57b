package org.metaapo.chat;

import java.util.List;
import org.metaapo.engine.GeneratedToken;
import org.metaapo.engine.GenerationRequest;
import org.metaapo.engine.Generator;
import org.metaapo.engine.Sampling;
import org.metaapo.error.NumericException;
import org.metaapo.text.AnswerText;

/** An answer while it is written. */
final class Reply {
    /** What an answer came to. */
    enum Ending {
        /** The model has said all. */
        STOPPED,
        /** It is as long as it may be. */
        CUT,
        /** The user had enough. */
        INTERRUPTED
    }

    private final ChatModel model;
    private final int promptTokens;
    private final int longest;
    private final AnswerText text;
    private final long request;
    private final long started = System.nanoTime();
    private long first;
    private long last;
    private int tokens;
    private Ending ending;

    /** @param key of the answer's random numbers */
    Reply(ChatModel model, int[] prompt, Sampling sampling, long key) {
        this.model = model;
        this.promptTokens = prompt.length;
        this.longest = sampling.maxNewTokens();
        this.text = new AnswerText(model.format().tokenizer(), List.of());
        this.request = model.generator().submit(new GenerationRequest(prompt, key, 0, sampling));
    }

    /**
     * Goes on by a token.
     *
     * @return the text that is certain now and was not before; may be empty
     */
    String step() {
        Generator generator = model.generator();
        generator.step();
        StringBuilder more = new StringBuilder();
        for (GeneratedToken token : generator.poll()) {
            if (token.request() == request) {
                take(token, more);
            }
        }
        return more.toString();
    }

    private void take(GeneratedToken token, StringBuilder more) {
        last = System.nanoTime();
        first = tokens == 0 ? last : first;
        tokens++;
        switch (token.finish()) {
            case NOT_FINITE -> {
                ending = Ending.INTERRUPTED;
                throw new NumericException(model.name() + ": a log-prob of the answer is NaN or infinite, for weights or activations are");
            }
            case STOPPED -> {
                more.append(text.end());
                ending = Ending.STOPPED;
            }
            case CUT -> {
                more.append(text.add(token.id())).append(text.end());
                ending = Ending.CUT;
            }
            default -> more.append(text.add(token.id()));
        }
    }

    /** Ends the answer here. */
    void interrupt() {
        if (ending == null) {
            model.generator().cancel(request);
            model.generator().poll();
            ending = Ending.INTERRUPTED;
        }
    }

    boolean isOver() {
        return ending != null;
    }

    Ending ending() {
        return ending;
    }

    /** All that was said. */
    String text() {
        return text.told();
    }

    /** The model. */
    ChatModel model() {
        return model;
    }

    /** The longest that it could become. */
    int longest() {
        return longest;
    }

    /** Its tokens, the one that ends it among them. */
    int tokens() {
        return tokens;
    }

    int promptTokens() {
        return promptTokens;
    }

    /** From the message to the first token. */
    double secondsToFirst() {
        return (first - started) * 1e-9;
    }

    /** Tokens a second after the first; NaN of fewer than two. */
    double tokensPerSecond() {
        return tokens < 2 ? Double.NaN : (tokens - 1) / ((last - first) * 1e-9);
    }
}
