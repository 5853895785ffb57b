package org.metaapo.chat;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.InfoCmp;
import org.metaapo.error.RunFailedException;

/**
 * The terminal of a chat. What is typed while an answer is written is not echoed into it; Ctrl-C stops the answer, and where none is written
 * the line editor hears it.
 */
public final class ChatTerminal implements AutoCloseable {
    private static final int FALLBACK_WIDTH = 80;
    private static final int FALLBACK_HEIGHT = 24;
    private static final String NO_BRACKETED_PASTE = "\u001b[?2004l";

    private final Terminal terminal;
    private final Attributes before;
    private final Size sizeBefore;

    private ChatTerminal(Terminal terminal) {
        this.terminal = terminal;
        this.before = terminal.getAttributes();
        this.sizeBefore = terminal.getSize();
    }

    /**
     * Takes the terminal over.
     *
     * @param outIsTerminal whether standard output is one; else what is no answer goes to standard error
     */
    public static ChatTerminal open(boolean outIsTerminal) {
        try {
            Terminal terminal = TerminalBuilder.builder()
                    .system(true)
                    .systemOutput(outIsTerminal ? TerminalBuilder.SystemOutput.SysOut : TerminalBuilder.SystemOutput.SysErr)
                    .encoding(StandardCharsets.UTF_8)
                    .build();
            ChatTerminal opened = new ChatTerminal(terminal);
            opened.prepare();
            return opened;
        } catch (IOException e) {
            throw new RunFailedException("the terminal cannot be used: " + e.getMessage(), e);
        }
    }

    private void prepare() {
        if (terminal.getWidth() <= 0 || terminal.getHeight() <= 0) {
            terminal.setSize(new Size(
                    terminal.getWidth() <= 0 ? FALLBACK_WIDTH : terminal.getWidth(), terminal.getHeight() <= 0 ? FALLBACK_HEIGHT : terminal.getHeight()));
        }
        Attributes quiet = new Attributes(before);
        quiet.setLocalFlag(Attributes.LocalFlag.ECHO, false);
        // Else Ctrl-D that is typed ahead would become another character once the line editor reads it.
        quiet.setLocalFlag(Attributes.LocalFlag.ICANON, false);
        terminal.setAttributes(quiet);
    }

    /** Has Ctrl-C do this while no line is typed. */
    public void onInterrupt(Runnable action) {
        terminal.handle(Terminal.Signal.INT, signal -> action.run());
    }

    /** What a person types. */
    public ChatInput input() {
        return new TerminalInput(terminal, () -> say("/exit or Ctrl-D leaves"));
    }

    /** Shows lines of the program's own. */
    public void say(String lines) {
        terminal.writer().println(lines);
        terminal.writer().flush();
    }

    /** Where answers are shown, where standard output is this terminal. */
    PrintWriter writer() {
        return terminal.writer();
    }

    /** Columns and rows. */
    Size size() {
        return terminal.getSize();
    }

    /** Leaves the terminal as it was, also from a signal's thread. */
    public void restore() {
        terminal.setAttributes(before);
        terminal.setSize(sizeBefore);
        terminal.puts(InfoCmp.Capability.keypad_local);
        terminal.writer().print(NO_BRACKETED_PASTE);
        terminal.writer().flush();
    }

    @Override
    public void close() {
        try {
            terminal.setAttributes(before);
            terminal.setSize(sizeBefore);
            terminal.close();
        } catch (IOException e) {
            // It is gone, and so is whoever would read of it.
        }
    }
}
