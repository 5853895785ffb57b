package org.metaapo.chat;

import java.io.PrintWriter;
import java.util.List;
import java.util.function.Consumer;

/** Answers one after the other, as their text comes; where there are two models, each under its name. */
final class TurnView implements AnswerView {
    private final PrintWriter out;
    private final List<String> names;
    private final ChatStyle style;
    private final Consumer<String> notes;
    private boolean lineIsOpen;

    /**
     * Answers on a stream.
     *
     * @param names of the models
     * @param style of a terminal, or of none
     * @param notes hears lines for people
     */
    TurnView(PrintWriter out, List<String> names, ChatStyle style, Consumer<String> notes) {
        this.out = out;
        this.names = names;
        this.style = style;
        this.notes = notes;
    }

    @Override
    public boolean isSideBySide() {
        return false;
    }

    @Override
    public void begin(List<Integer> models) {
        if (names.size() > 1) {
            out.println(style.name(names.get(models.get(0)) + ":"));
            out.flush();
        }
        lineIsOpen = false;
    }

    @Override
    public void text(int model, String more) {
        out.print(style.text(more));
        out.flush();
        lineIsOpen = !more.endsWith("\n");
    }

    @Override
    public void over(int model) {
        // The end tells.
    }

    @Override
    public void end(List<String> lines) {
        if (lineIsOpen) {
            out.println();
        }
        out.flush();
        lines.forEach(notes);
        if (style.isTerminal()) {
            out.println();
            out.flush();
        }
    }
}
