package org.metaapo.chat;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A chat on this process's standard streams: at a terminal, at one that cannot move its cursor, or in a pipe. */
public final class ChatSession {
    private final Chat chat;
    private final Map<String, Object> variables;
    private final Place place;
    private final boolean quiet;
    private final AtomicBoolean stop = new AtomicBoolean();
    private final List<String> names;
    private final ChatStyle style;

    /**
     * What the standard streams are.
     *
     * @param isTyped whether a person types: standard input is a terminal
     * @param isCapable whether that can move its cursor
     * @param outIsTerminal whether standard output is a terminal
     * @param isColoured whether it has colours
     * @param columns of a line, where the user has said so; else 0
     */
    public record Place(boolean isTyped, boolean isCapable, boolean outIsTerminal, boolean isColoured, int columns) {}

    /** The process's signals. */
    public interface Signals {
        /** Has Ctrl-C do this; null for ending the process. Before any signal ends the process, it does {@code last}. */
        void handle(Runnable interrupt, Runnable last);
    }

    /**
     * A chat.
     *
     * @param variables of the chat template
     * @param quiet says nothing at the start
     */
    public ChatSession(Chat chat, Map<String, Object> variables, Place place, boolean quiet) {
        this.chat = chat;
        this.variables = variables;
        this.place = place;
        this.quiet = quiet;
        this.names = chat.models().stream().map(ChatModel::name).toList();
        this.style = new ChatStyle(place.outIsTerminal(), place.outIsTerminal() && place.isColoured());
    }

    /** Talks until somebody leaves. */
    public void run(Signals signals) {
        if (!place.isTyped()) {
            plain(new StreamInput(System.in, "standard input", null));
        } else if (place.isCapable()) {
            edited(signals);
        } else {
            typed(signals);
        }
    }

    /** Without an editor; the terminal has its own for lines. */
    private void typed(Signals signals) {
        Runnable prompt = () -> {
            System.err.print(TerminalInput.PROMPT);
            System.err.flush();
        };
        AtomicBoolean answering = new AtomicBoolean();
        signals.handle(() -> {
            stop.set(true);
            if (!answering.get()) {
                System.err.println();
                prompt.run();
            }
        }, () -> { });
        plain(new StreamInput(System.in, "standard input", () -> {
            answering.set(false);
            prompt.run();
        }) {
            @Override
            public String next() {
                String line = super.next();
                answering.set(true);
                return line;
            }
        });
    }

    private void plain(ChatInput input) {
        PrintWriter out = new PrintWriter(System.out);
        Consumer<String> say = System.err::println;
        talk(input, () -> new TurnView(out, names, style, say), say);
    }

    private void edited(Signals signals) {
        try (ChatTerminal terminal = ChatTerminal.open(place.outIsTerminal())) {
            signals.handle(null, terminal::restore);
            terminal.onInterrupt(() -> stop.set(true));
            Consumer<String> say = lines -> terminal.say(style.note(lines));
            PrintWriter out = place.outIsTerminal() ? terminal.writer() : new PrintWriter(System.out);
            talk(terminal.input(), () -> view(terminal, out, say), say);
        }
    }

    private AnswerView view(ChatTerminal terminal, PrintWriter out, Consumer<String> say) {
        int width = place.columns() > 0 ? place.columns() : terminal.size().getColumns();
        return names.size() > 1 && place.outIsTerminal() && width >= ColumnsView.LEAST_WIDTH
                ? new ColumnsView(out, width, terminal.size().getRows(), names, style)
                : new TurnView(out, names, style, say);
    }

    private void talk(ChatInput input, Supplier<AnswerView> view, Consumer<String> say) {
        if (!quiet) {
            greet(input.isInteractive(), say);
        }
        Supplier<AnswerView> fresh = () -> {
            stop.set(false);
            return view.get();
        };
        ChatLoop.run(input, new ChatCommands(chat, variables, fresh, stop::get, say), say);
    }

    private void greet(boolean isInteractive, Consumer<String> say) {
        if (isInteractive) {
            say.accept(String.join(" against ", names) + ", a context of "
                    + chat.models().stream().mapToInt(ChatModel::context).min().orElseThrow() + " tokens; /help shows the commands, Ctrl-D leaves");
        }
        chat.models().stream().filter(model -> !model.format().hasTemplate()).forEach(model ->
                say.accept(model.name() + ": no chat template, so each message is a text that is gone on with, and earlier ones are not read"));
    }
}
