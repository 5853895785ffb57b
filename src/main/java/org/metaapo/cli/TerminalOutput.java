package org.metaapo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** What standard output is connected to. */
final class TerminalOutput {
    private static final int FALLBACK_WIDTH = 80;

    private TerminalOutput() {}

    /** When to write colours. */
    enum Colour {
        AUTO,
        ALWAYS,
        NEVER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Whether standard output is a terminal, whatever standard input is. */
    static boolean isTerminal() {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException | SecurityException e) {
            return false;
        }
    }

    /** Whether to write colours: by default on a terminal that has them, unless NO_COLOR is set (no-color.org). */
    static boolean colour(Colour asked, boolean terminal, Map<String, String> environment) {
        return switch (asked) {
            case ALWAYS -> true;
            case NEVER -> false;
            case AUTO ->
                terminal
                        && environment.getOrDefault("NO_COLOR", "").isEmpty()
                        && !"dumb".equals(environment.get("TERM"));
        };
    }

    /** Columns of the terminal. */
    static int width() {
        try (Terminal terminal = TerminalBuilder.builder().dumb(true).build()) {
            return terminal.getWidth() > 0 ? terminal.getWidth() : FALLBACK_WIDTH;
        } catch (IOException e) {
            return FALLBACK_WIDTH;
        }
    }
}
