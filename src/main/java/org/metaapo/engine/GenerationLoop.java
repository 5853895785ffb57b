package org.metaapo.engine;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.metaapo.error.RunFailedException;

/**
 * Answers requests of many threads on one generator: a thread of its own submits, steps and polls, and hands each token to who asked. Between
 * submissions places are dealt fairly: each is a group of its own ({@link GenerationRequest#group}). At most so many are open at once; one
 * more is refused, so that a caller can tell its own to come later. The generator must not be used otherwise meanwhile.
 */
public final class GenerationLoop implements AutoCloseable {
    private static final long STEPS_BETWEEN_NOTES = 256;

    private final Generator generator;
    private final int mostOpen;
    private final Thread thread;
    private final BlockingQueue<Runnable> wishes = new LinkedBlockingQueue<>();
    private final Consumer<String> note;
    private volatile GeneratorState state;
    private int open;
    private long submissions;
    private boolean closed;

    // Of the loop's thread.
    private final Map<Long, Part> parts = new HashMap<>();
    private boolean stopping;
    private long steps;

    /**
     * @param mostOpen submissions that run or wait at once
     * @param note hears lines for people: what makes the generator slower than it should be
     */
    public GenerationLoop(Generator generator, int mostOpen, Consumer<String> note) {
        this.generator = generator;
        this.mostOpen = mostOpen;
        this.note = note;
        this.state = generator.state();
        this.thread = new Thread(this::run, "generation");
        thread.setDaemon(true);
        thread.start();
    }

    /** Hears what becomes of a submission; called on the loop's thread, which waits for it: not to block. */
    public interface Listener {
        /**
         * A token.
         *
         * @param prompt of the submission's requests, from 0
         */
        void token(int prompt, GeneratedToken token);

        /** No token comes any more: all answers are over, or were cancelled. */
        void finished();

        /** No token comes any more, for the engine has failed, or is closed. */
        void failed(RuntimeException cause);
    }

    /** As many submissions are open as there may be. */
    public static final class FullException extends RuntimeException {
        private static final long serialVersionUID = 1;

        FullException(int open) {
            super(open + " requests run or wait already");
        }
    }

    /** What was submitted together. */
    public final class Submission {
        private final List<GenerationRequest> requests;
        private final Listener listener;
        private final Map<Integer, Part> running = new HashMap<>();  // of the loop's thread
        private boolean over;

        private Submission(List<GenerationRequest> requests, Listener listener) {
            this.requests = requests;
            this.listener = listener;
        }

        /** Ends all answers soon; what has no use any more costs no time. */
        public void cancel() {
            wishes.add(() -> {
                for (Part part : List.copyOf(running.values())) {
                    generator.cancel(part.number);
                    leave(part);
                }
                end(this, null);
            });
        }

        /** Ends one answer soon. */
        public void cancel(int prompt, int answer) {
            wishes.add(() -> {
                Part part = running.get(prompt);
                if (part != null && !part.isOver(answer)) {
                    generator.cancel(part.number, answer);
                    part.ended(answer);
                }
            });
        }
    }

    /** One request of a submission, on the loop's thread. */
    private final class Part {
        private final Submission submission;
        private final int prompt;
        private final long number;
        private final boolean[] over;
        private int left;

        Part(Submission submission, int prompt, long number, int answers) {
            this.submission = submission;
            this.prompt = prompt;
            this.number = number;
            this.over = new boolean[answers];
            this.left = answers;
        }

        boolean isOver(int answer) {
            return over[answer];
        }

        void ended(int answer) {
            over[answer] = true;
            left--;
            if (left == 0) {
                leave(this);
                if (submission.running.isEmpty()) {
                    end(submission, null);
                }
            }
        }
    }

    /**
     * Submits requests, whose groups are not read.
     *
     * @throws FullException where as many submissions are open as there may be
     * @throws IllegalStateException after {@link #close()}
     */
    public Submission submit(List<GenerationRequest> requests, Listener listener) {
        Submission submission = new Submission(List.copyOf(requests), listener);
        synchronized (this) {
            if (closed) {
                throw closedException();
            }
            if (open >= mostOpen) {
                throw new FullException(open);
            }
            open++;
            long group = submissions++;
            wishes.add(() -> start(submission, group));
        }
        return submission;
    }

    /** What the generator was doing after its last step. */
    public GeneratorState state() {
        return state;
    }

    /** Submissions that run or wait. */
    public synchronized int open() {
        return open;
    }

    private void start(Submission submission, long group) {
        try {
            for (int i = 0; i < submission.requests.size(); i++) {
                GenerationRequest r = submission.requests.get(i);
                long number = generator.submit(new GenerationRequest(r.prompt(), r.key(), group, r.sampling(), r.promptLogps(), r.top(), r.bias()));
                Part part = new Part(submission, i, number, r.sampling().k());
                submission.running.put(i, part);
                parts.put(number, part);
            }
        } catch (RuntimeException e) {
            submission.running.values().forEach(part -> generator.cancel(part.number));
            fail(submission, e);
        }
    }

    private void run() {
        try {
            while (!stopping) {
                if (parts.isEmpty()) {
                    state = generator.state();
                    generator.notice().ifPresent(note);
                    wishes.take().run();
                }
                for (Runnable wish = wishes.poll(); wish != null; wish = wishes.poll()) {
                    wish.run();
                }
                if (!parts.isEmpty()) {
                    step();
                }
            }
            failAll(closedException());
        } catch (InterruptedException | RuntimeException | Error e) {
            synchronized (this) {
                closed = true;
            }
            failAll(new RunFailedException("the generation loop has ended: " + e, e));
        }
    }

    private void step() {
        List<GeneratedToken> tokens;
        try {
            generator.step();
            tokens = generator.poll();
            state = generator.state();
            if (++steps % STEPS_BETWEEN_NOTES == 0) {
                generator.notice().ifPresent(note);
            }
        } catch (RuntimeException e) {
            failAll(e);
            return;
        }
        for (GeneratedToken token : tokens) {
            Part part = parts.get(token.request());
            if (part != null) {
                tell(part, token);
            }
        }
    }

    private static IllegalStateException closedException() {
        return new IllegalStateException("the generation loop is closed");
    }

    private void tell(Part part, GeneratedToken token) {
        try {
            part.submission.listener.token(part.prompt, token);
        } catch (RuntimeException e) {
            List.copyOf(part.submission.running.values()).forEach(p -> generator.cancel(p.number));
            fail(part.submission, e);
            return;
        }
        if (token.answer() != GeneratedToken.PROMPT && token.finish() != GeneratedToken.Finish.GOES_ON) {
            part.ended(token.answer());
        }
    }

    private void failAll(RuntimeException cause) {
        Set<Submission> all = new LinkedHashSet<>();
        for (Part part : List.copyOf(parts.values())) {
            try {
                generator.cancel(part.number);
            } catch (RuntimeException e) {
                cause.addSuppressed(e);
            }
            all.add(part.submission);
        }
        all.forEach(submission -> fail(submission, cause));
    }

    private void fail(Submission submission, RuntimeException cause) {
        List.copyOf(submission.running.values()).forEach(this::leave);
        end(submission, cause);
    }

    private void leave(Part part) {
        parts.remove(part.number);
        part.submission.running.remove(part.prompt);
    }

    private void end(Submission submission, RuntimeException cause) {
        if (submission.over) {
            return;
        }
        submission.over = true;
        synchronized (this) {
            open--;
        }
        if (cause == null) {
            submission.listener.finished();
        } else {
            submission.listener.failed(cause);
        }
    }

    /** Ends all submissions and the thread; the generator stays open. */
    @Override
    public void close() {
        synchronized (this) {
            if (!closed) {
                closed = true;
                wishes.add(() -> stopping = true);
            }
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
