package org.metaapo.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.metaapo.engine.GeneratedToken;
import org.metaapo.engine.GenerationLoop;
import org.metaapo.error.RunFailedException;

/** The answers to one request while they are written; of its own thread, which takes from the engine's what has been made. */
final class AnswerRun implements AutoCloseable {
    /** What the engine's thread hands over: a token, or the end. */
    private record Event(int prompt, GeneratedToken token, RuntimeException failure) {}

    private final Ask ask;
    private final Metrics metrics;
    private final Metrics.Request measured;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final List<Choice> choices = new ArrayList<>();
    private final List<List<GeneratedToken>> promptTokens = new ArrayList<>();
    private final GenerationLoop.Submission submission;
    private int open;

    /** @throws GenerationLoop.FullException where too many are open */
    AnswerRun(ServedModel model, Ask ask, Metrics metrics) {
        this.ask = ask;
        this.metrics = metrics;
        for (int i = 0; i < ask.answers(); i++) {
            choices.add(new Choice(i, ask, model.tokenizer()));
        }
        ask.requests().forEach(request -> promptTokens.add(new ArrayList<>()));
        open = choices.size();
        submission = model.loop().submit(ask.requests(), new GenerationLoop.Listener() {
            @Override
            public void token(int prompt, GeneratedToken token) {
                events.add(new Event(prompt, token, null));
            }

            @Override
            public void finished() {
                // The last token of each answer says so.
            }

            @Override
            public void failed(RuntimeException cause) {
                events.add(new Event(-1, null, cause));
            }
        });
        measured = metrics.begin(ask.promptTokens());
    }

    Ask ask() {
        return ask;
    }

    List<Choice> choices() {
        return choices;
    }

    boolean isOver() {
        return open == 0;
    }

    int promptTokens() {
        return ask.promptTokens();
    }

    int completionTokens() {
        return choices.stream().mapToInt(Choice::tokens).sum();
    }

    /**
     * Waits for something new until {@link System#nanoTime} is {@code deadline}, and takes all that is there.
     *
     * @return whether anything came
     * @throws RunFailedException where the engine has failed
     */
    boolean await(long deadline) throws InterruptedException {
        if (isOver()) {
            return false;
        }
        Event first = events.poll(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        if (first == null) {
            return false;
        }
        take(first);
        for (Event event = events.poll(); event != null; event = events.poll()) {
            take(event);
        }
        return true;
    }

    private void take(Event event) {
        if (event.failure() != null) {
            throw new RunFailedException("the engine failed: " + event.failure().getMessage(), event.failure());
        }
        GeneratedToken token = event.token();
        if (token.answer() == GeneratedToken.PROMPT) {
            promptTokens.get(event.prompt()).add(token);
            return;
        }
        if (token.finish() == GeneratedToken.Finish.NOT_FINITE) {
            throw new RunFailedException("a log-prob is " + token.logp() + ": the weights or activations are not finite");
        }
        Choice choice = choices.get(event.prompt() * ask.n() + token.answer());
        if (choice.isOver()) {
            return;
        }
        if (!choice.hasBegun() && ask.echo()) {
            choice.echo(ask.texts().get(event.prompt()), ask.requests().get(event.prompt()).prompt(), promptTokens.get(event.prompt()));
        }
        measured.token();
        if (choice.add(token)) {
            submission.cancel(event.prompt(), token.answer());
        }
        if (choice.isOver()) {
            open--;
            measured.finished(choice.finish());
        }
    }

    /** Ends what is still written, for nobody reads it any more. */
    @Override
    public void close() {
        if (!isOver()) {
            submission.cancel();
            metrics.abandoned(open);
        }
        measured.end();
    }
}
