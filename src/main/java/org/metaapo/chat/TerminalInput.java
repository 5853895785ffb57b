package org.metaapo.chat;

import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.reader.impl.completer.StringsCompleter;
import org.jline.terminal.Terminal;

/** Messages that a person types, with a line editor; pasted lines are one message. */
public final class TerminalInput implements ChatInput {
    /** What a message is asked for by. */
    public static final String PROMPT = ">>> ";
    private static final String MORE = "... ";

    private final LineReader reader;
    private final Runnable hint;

    /**
     * On a terminal.
     *
     * @param hint says how to leave, when Ctrl-C is pressed and nothing was typed
     */
    public TerminalInput(Terminal terminal, Runnable hint) {
        this.hint = hint;
        DefaultParser words = new DefaultParser();
        words.setEscapeChars(null);
        words.setQuoteChars(null);
        reader = LineReaderBuilder.builder()
                .terminal(terminal)
                .parser(new Messages(words))
                .completer(new StringsCompleter(ChatCommands.names()))
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .variable(LineReader.SECONDARY_PROMPT_PATTERN, MORE)
                .build();
    }

    /** Has a text between {@code """} and {@code """} typed to its end. */
    private record Messages(Parser words) implements Parser {
        @Override
        public ParsedLine parse(String line, int cursor, ParseContext context) {
            if (context == ParseContext.ACCEPT_LINE && Quoted.isOpen(line)) {
                throw new EOFError(-1, -1, "a text of several lines is open");
            }
            return words.parse(line, cursor, context);
        }
    }

    @Override
    public boolean isInteractive() {
        return true;
    }

    @Override
    public String next() {
        while (true) {
            try {
                return reader.readLine(PROMPT);
            } catch (UserInterruptException e) {
                if (e.getPartialLine().isBlank()) {
                    hint.run();
                }
            } catch (EndOfFileException e) {
                return null;
            }
        }
    }

    @Override
    public void close() {
        // The terminal is its owner's.
    }
}
